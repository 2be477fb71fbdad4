"""Everything judges said in a study, whether they were asked here or somewhere else: one way to read it.

A verdict on a pair is a comparison, as any rater's; what came to nothing, and every grade, stands with the
judge's words, in verdicts of our own calls or in judgments from files.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any, cast

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.models import Comparison, LanguageModel, Pair, RaterKind, Study
from judges.models import CallState, JudgeVersion, Judgment, Verdict
from judges.models.judge import rater_name
from judges.statistics.score_tables import Game, Grade, Outcome


def verdicts(study: Study) -> QuerySet[Verdict]:
    """What was said on calls of our own, without those of probes."""
    return Verdict.objects.counted().filter(call__run__study=study)


ANSWERED_AS = ("reply__answered_as__judge__name", "reply__answered_as__number")
"""What `rater_name` takes."""


def excluded(study: Study) -> set[str]:
    """The names of the judges who are excluded."""
    raters = study.raters.filter(kind=RaterKind.JUDGE, excluded_at__isnull=False)
    return {name for name in raters.values_list("name", flat=True) if name}


def versions(study: Study) -> dict[str, list[int]]:
    """The versions of judges that were asked in the study, or answered, by the name of their rater."""
    asked = Q(runs__study=study) | Q(root__runs__study=study)
    found: dict[str, list[int]] = defaultdict(list)
    rows = JudgeVersion.objects.filter(asked).values_list("pk", "judge__name", "number").distinct()
    for pk, judge, number in rows.order_by("pk"):
        found[rater_name(judge, number)].append(pk)
    return found


def judges(study: Study) -> list[str]:
    """Who said anything of answers or pairs of the study, and is not excluded."""
    compared = Exists(Comparison.objects.filter(study=study, rater=OuterRef("pk")))
    raters = study.raters.filter(compared, kind=RaterKind.JUDGE, simulated=False)
    names = set(raters.values_list("name", flat=True))
    # One after the other out of an index: there may be a million rows and a handful of judges.
    for about in ("pair", "result"):
        rows = Judgment.objects.filter(study=study).exclude(**{about: None}).order_by("judge")
        name = rows.values_list("judge", flat=True).first()
        while name is not None:
            names.add(name)
            name = rows.filter(judge__gt=name).values_list("judge", flat=True).first()
    for name, keys in versions(study).items():
        if name not in names and verdicts(study).filter(reply__answered_as__in=keys).exists():
            names.add(name)
    return sorted(name for name in names - excluded(study) if name)


def is_graded(study: Study, model: LanguageModel) -> bool:
    """Whether a judge who is not excluded was asked for a grade of an answer of `model`."""
    out = excluded(study)
    if Judgment.objects.filter(study=study, result__model=model).exclude(judge__in=out).exists():
        return True
    ours = verdicts(study).filter(call__result__model=model).values_list(*ANSWERED_AS).distinct()
    return any(rater_name(*version) not in out for version in ours)


def grades(study: Study, models: Collection[int] = (), judge: str | None = None) -> Iterator[Grade]:
    """Every grade, those without a number too; none of judges who are excluded.

    Of `models` alone, where some are named. By `judge` alone, one of those who are not excluded.
    """
    out = excluded(study) if judge is None else set()
    columns = ("result__prompt", "result__model", "result__sample", "turn", "state", "score")
    elsewhere = Judgment.objects.filter(study=study, result__isnull=False).values_list("judge", *columns)
    ours = verdicts(study).filter(call__result__isnull=False)
    if models:
        elsewhere = elsewhere.filter(result__model__in=models)
        ours = ours.filter(call__result__model__in=models)
    if judge is not None:
        elsewhere = elsewhere.filter(judge=judge)
        ours = ours.filter(reply__answered_as__in=versions(study).get(judge, []))
    for name, prompt, model, choice, turn, state, score in elsewhere.order_by("pk").iterator():
        if name not in out:
            yield Grade(name, prompt, model, choice, turn, score if state == CallState.OK else None)
    asked = tuple(f"call__{name}" for name in columns[:4])
    rows = ours.values_list(*ANSWERED_AS, *asked, "state", "score")
    for of, version, prompt, model, choice, turn, state, score in rows.order_by("pk").iterator():
        if (name := rater_name(of, version)) not in out:
            yield Grade(name, prompt, model, choice, turn, score if state == CallState.OK else None)


PAIR = ("pair", "pair__prompt", "pair__model_x", "pair__model_y", "turn", "left")


def on_pairs(study: Study, models: Collection[int], way: str = "") -> Q:
    """What is about the study's pairs, those of two of `models` where some are named; `way` leads to what has the
    pair, or the study. Few pairs are looked up, not everything of the study looked through."""
    if not models:
        return Q(**{f"{way}study": study})
    pairs = Pair.objects.filter(study=study, model_x__in=models, model_y__in=models)
    return Q(**{f"{way}pair__in": pairs.values("pk")})


def games(study: Study, models: Collection[int] = (), judge: str | None = None) -> Iterator[Game]:
    """Every verdict of a judge on a pair, and what came to nothing; none of judges who are excluded or simulated.

    Those of two of `models` alone, where some are named. By `judge` alone, one of those who are not excluded.
    """
    out = excluded(study) if judge is None else set()
    by_judges = Comparison.objects.filter(on_pairs(study, models), rater__kind=RaterKind.JUDGE)
    elsewhere = Judgment.objects.filter(on_pairs(study, models), pair__isnull=False)
    ours = verdicts(study).filter(call__pair__isnull=False).exclude(state=CallState.OK)
    if models:
        ours = ours.filter(on_pairs(study, models, "call__"))
    if judge is not None:
        by_judges = by_judges.filter(rater__name=judge)
        elsewhere = elsewhere.filter(judge=judge)
        ours = ours.filter(reply__answered_as__in=versions(study).get(judge, []))
    counted = by_judges.counted().real()
    for name, *about, winner in counted.order_by("pk").values_list("rater__name", *PAIR, "winner").iterator():
        yield _game(name, about, cast(Outcome, winner))
    elsewhere = elsewhere.exclude(state=CallState.OK)
    for name, *about in elsewhere.order_by("pk").values_list("judge", *PAIR).iterator():
        if name not in out:
            yield _game(name, about, None)
    asked = tuple(f"call__{name}" for name in PAIR)
    for of, version, *about in ours.order_by("pk").values_list(*ANSWERED_AS, *asked).iterator():
        if (name := rater_name(of, version)) not in out:
            yield _game(name, about, None)


def _game(judge: str, about: list[Any], winner: Outcome | None) -> Game:
    pair, prompt, x, y, turn, left = about
    return Game(judge, pair, prompt, x, y, turn, left, winner)


def categories(study: Study) -> dict[int, str]:
    """The category of each prompt; empty where it has none."""
    return {pk: kind or "" for pk, kind in study.prompt_set.prompts.values_list("pk", "type")}
