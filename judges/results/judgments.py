"""Reads all verdicts and grades of a study's judges, whether collected here or imported.

A verdict on a pair is a comparison, like any rater's. Failures and grades are stored with the judge's reply: as
verdicts of calls made here, or as judgments from files.
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
    """Returns the verdicts of calls made here, without probes."""
    return Verdict.objects.counted().filter(call__run__study=study)


ANSWERED_AS = ("reply__answered_as__judge__name", "reply__answered_as__number")
"""Fields that `rater_name` takes."""


def excluded(study: Study) -> set[str]:
    """Returns the names of excluded judges."""
    raters = study.raters.filter(kind=RaterKind.JUDGE, excluded_at__isnull=False)
    return {name for name in raters.values_list("name", flat=True) if name}


def versions(study: Study) -> dict[str, list[int]]:
    """Maps rater names to the judge versions that were asked or replied in the study."""
    asked = Q(runs__study=study) | Q(root__runs__study=study)
    found: dict[str, list[int]] = defaultdict(list)
    rows = JudgeVersion.objects.filter(asked).values_list("pk", "judge__name", "number").distinct()
    for pk, judge, number in rows.order_by("pk"):
        found[rater_name(judge, number)].append(pk)
    return found


def judges(study: Study) -> list[str]:
    """Returns the judges with verdicts or grades in the study, without excluded ones."""
    compared = Exists(Comparison.objects.filter(study=study, rater=OuterRef("pk")))
    raters = study.raters.filter(compared, kind=RaterKind.JUDGE, simulated=False)
    names = set(raters.values_list("name", flat=True))
    # Skips through the index: there may be a million rows but only a handful of judges.
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
    """Returns whether a judge that is not excluded was asked to grade an answer of `model`."""
    out = excluded(study)
    if Judgment.objects.filter(study=study, result__model=model).exclude(judge__in=out).exists():
        return True
    ours = verdicts(study).filter(call__result__model=model).values_list(*ANSWERED_AS).distinct()
    return any(rater_name(*version) not in out for version in ours)


def grades(study: Study, models: Collection[int] = (), judge: str | None = None) -> Iterator[Grade]:
    """Yields every grade, including those without a number, but none of excluded judges.

    Optionally only of `models`, and only by `judge`, which must not be excluded.
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
    """Builds a condition for rows about the study's pairs, optionally only pairs of two of `models`.

    `way` is the path to the row that has the pair or the study. A few pairs are looked up by key, which avoids
    scanning the whole study.
    """
    if not models:
        return Q(**{f"{way}study": study})
    pairs = Pair.objects.filter(study=study, model_x__in=models, model_y__in=models)
    return Q(**{f"{way}pair__in": pairs.values("pk")})


def games(study: Study, models: Collection[int] = (), judge: str | None = None) -> Iterator[Game]:
    """Yields every judge verdict on a pair, including failures, but none of excluded or simulated judges.

    Optionally only of pairs of two of `models`, and only by `judge`, which must not be excluded.
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
    """Maps prompts to their categories; empty if a prompt has none."""
    return {pk: kind or "" for pk, kind in study.prompt_set.prompts.values_list("pk", "type")}
