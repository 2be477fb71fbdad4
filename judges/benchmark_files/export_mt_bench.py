"""Exports a study as MT-bench files in FastChat's layout: loaded rows unchanged, plus verdicts collected here."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import batched, groupby
from typing import Final

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.exporting.study_formats import Files, Writer
from annotation.models import LanguageModel, Pair, Prompt, Study
from annotation.studies.lifecycle import NotPossible
from judges.formats import mt_bench
from judges.formats.mt_bench import Game
from judges.models import CallState, JudgeReply, JudgeVersion, Judgment, ReferenceAnswer, Remainder, Verdict
from judges.models.judge import rater_name
from judges.results import judgments, reply_text

ROWS_AT_ONCE: Final = 100
OWN_REFERENCES: Final = "reference"
"""Source name for reference answers without one."""


def files(study: Study) -> Files:
    """Yields the name and lines of each file, under names that are different on every disk.

    Raises:
        NotPossible: two models, or two judges, have the same name in FastChat's files.
    """
    models = list(study.prompt_set.models.filter(results__isnull=False).distinct().order_by("pk"))
    failed = Remainder.objects.filter(prompt__prompt_set=study.prompt_set).exclude(model__in=models)
    models += LanguageModel.objects.filter(remainders__in=failed).distinct().order_by("pk")
    _refuse_namesakes([model.name for model in models])
    judges = sorted({rater_name(*names) for names in _asked_here(study).values_list(*judgments.ANSWERED_AS)})
    _refuse_namesakes(judges)
    return _files(study, models, judges)


def _refuse_namesakes(names: Sequence[str]) -> None:
    """Refuses names that are written the same way, because files identify models and judges by them."""
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.setdefault(mt_bench.file_stem(name), name)) != name:
            raise NotPossible(
                _("%(one)s and %(other)s would be written to the same file.") % {"one": other, "other": name}
            )


def _files(study: Study, models: Sequence[LanguageModel], judges: Sequence[str]) -> Files:
    yield mt_bench.QUESTIONS, _questions(study)
    for model, stem in zip(models, mt_bench.distinct_stems([model.name for model in models]), strict=True):
        yield f"{mt_bench.ANSWERS}/{stem}.jsonl", _answers(study, model)
    sources = _reference_sources(study)
    for source, stem in zip(sources, mt_bench.distinct_stems(sources), strict=True):
        yield f"{mt_bench.REFERENCES}/{stem}.jsonl", _references(study, source)
    own = mt_bench.distinct_stems(judges)
    for ending in (mt_bench.GRADES, mt_bench.GAMES):
        yield from _loaded(study, ending, own)
    for judge, stem in zip(judges, own, strict=True):
        yield from _own(study, judge, stem)


def _loaded(study: Study, ending: str, own: Sequence[str]) -> Files:
    """Yields the files of judgments that were loaded; `own` are the file names of judges that were run here."""
    rows = Judgment.objects.filter(study=study, file__endswith=ending)
    names = list(rows.order_by("file").values_list("file", flat=True).distinct())
    wanted = [f"files-{stem}" if (stem := name.removesuffix(ending)) in own else stem for name in names]
    for name, stem in zip(names, mt_bench.distinct_stems(wanted, own), strict=True):
        yield f"{mt_bench.JUDGMENTS}/{stem}{ending}", _judgments(rows.filter(file=name))


def _questions(study: Study) -> Iterator[str]:
    rows = Remainder.objects.filter(prompt__prompt_set=study.prompt_set, model=None)
    extras = dict(rows.values_list("prompt", "extra"))
    for prompt in study.prompt_set.prompts.order_by("pk").iterator(ROWS_AT_ONCE):
        built = mt_bench.question_row(prompt.number, prompt.type, [prompt.text, *prompt.turns])
        yield mt_bench.line("questions", built, extras.get(prompt.pk, {}))


def _answers(study: Study, model: LanguageModel) -> Iterator[str]:
    extras = dict(Remainder.objects.filter(model=model).values_list("prompt", "extra"))
    numbers = dict(study.prompt_set.prompts.values_list("pk", "number"))
    answered = list(dict.fromkeys(model.results.order_by("pk").values_list("prompt", flat=True)))
    # A row whose answers are all errors has no result.
    answered += [prompt for prompt in extras if prompt not in set(answered)]
    for some in batched(answered, ROWS_AT_ONCE):
        samples: dict[int, list[tuple[int, list[str]]]] = defaultdict(list)
        for result in model.results.filter(prompt__in=some).order_by("sample"):
            samples[result.prompt_id].append((result.sample, [result.text, *result.turns]))
        for prompt in some:
            built = mt_bench.answer_row(numbers[prompt], model.name, samples[prompt])
            if prompt not in extras:
                results = model.results.filter(prompt=prompt).order_by("sample")
                built["answer_id"] = f"llmfao-{results[0].number}"
            yield mt_bench.line("answers", built, extras.get(prompt, {}))


def _reference_answers(study: Study) -> QuerySet[ReferenceAnswer]:
    return ReferenceAnswer.objects.filter(prompt__prompt_set=study.prompt_set).exclude(source="")


def _unnamed(study: Study) -> Iterator[Prompt]:
    """Yields the prompts whose references have no known source."""
    known = set(_reference_answers(study).filter(used=True).values_list("prompt", flat=True))
    for prompt in study.prompt_set.prompts.exclude(references=[]).order_by("pk").iterator(ROWS_AT_ONCE):
        if prompt.pk not in known:
            yield prompt


def _reference_sources(study: Study) -> list[str]:
    sources = list(_reference_answers(study).order_by("source").values_list("source", flat=True).distinct())
    if OWN_REFERENCES not in sources and any(True for _prompt in _unnamed(study)):
        sources.append(OWN_REFERENCES)
    return sources


def _references(study: Study, source: str) -> Iterator[str]:
    rows = _reference_answers(study).filter(source=source).select_related("prompt").order_by("pk")
    for row in rows.iterator(ROWS_AT_ONCE):
        built = mt_bench.answer_row(row.prompt.number, source, [(0, row.turns)])
        yield mt_bench.line("answers", built, row.extra)
    if source == OWN_REFERENCES:
        for prompt in _unnamed(study):
            built = mt_bench.answer_row(prompt.number, source, [(0, prompt.references)])
            yield mt_bench.line("answers", built, {})


# Verdicts and grades loaded from files.

RELATED: Final = ("result__prompt", "result__model", "pair__prompt", "pair__model_x", "pair__model_y")


def _turn(turn: int, prompt: Prompt) -> int:
    """Returns the turn as FastChat numbers it, from 1; a whole conversation has the number of its last turn."""
    return turn or len(prompt.turns) + 1


def _judgments(rows: QuerySet[Judgment]) -> Iterator[str]:
    found = rows.select_related(*RELATED).order_by("pk").iterator(ROWS_AT_ONCE)

    def place(row: Judgment) -> tuple[object, ...]:
        return row.judge, row.template, row.result_id, row.pair_id, row.turn, row.sample

    for _place, some in groupby(found, place):
        yield _line(list(some))


def _line(rows: Sequence[Judgment]) -> str:
    """Rebuilds the row that a grade, or the games of a pair in order, were read from."""
    first = rows[0]
    judge = [first.judge, first.template] if first.template else [first.judge]
    games = [Game(row.state, _winner(row, first.left), row.asked, row.words) for row in rows]
    if first.result is not None:
        prompt, model = first.result.prompt, mt_bench.file_stem(first.result.model.name)
        turn, choice = _turn(first.turn, prompt), first.result.sample
        built = mt_bench.grade_row(
            prompt.number, model, judge, games[0], first.score, turn, first.stamp, choice, first.sample
        )
        return mt_bench.line("grades", built, first.extra)
    assert first.pair is not None  # noqa: S101  judgment_about_one
    prompt = first.pair.prompt
    turn = _turn(first.turn, prompt)
    models = _models(first.pair, first.left)
    built = mt_bench.game_row(prompt.number, models, judge, games, turn, first.stamp, first.sample)
    return mt_bench.line("games", built, first.extra)


def _models(pair: Pair, left: str) -> tuple[str, str]:
    """Returns the file names of the model on the left and of the other one."""
    x, y = (mt_bench.file_stem(model.name) for model in (pair.model_x, pair.model_y))
    return (x, y) if left == "x" else (y, x)


def _winner(row: Judgment | Verdict, left: str) -> str:
    """Returns the winner, with the side `left` as model_1; empty without a verdict."""
    return {"": "", "tie": "tie", left: "model_1"}.get(row.winner, "model_2")


# Verdicts and grades of judges run here.


def _asked_here(study: Study, judge: str = "") -> QuerySet[Verdict]:
    related = ("reply__answered_as__judge", "reply__answered_as__template", *(f"call__{name}" for name in RELATED))
    found = judgments.verdicts(study).select_related(*related)
    if not judge:
        return found
    versions = JudgeVersion.objects.filter(replies__call__run__study=study).select_related("judge").distinct()
    return found.filter(reply__answered_as__in=[each for each in versions if each.rater_name == judge])


def _own(study: Study, judge: str, stem: str) -> Files:
    verdicts = _asked_here(study, judge)
    graded = verdicts.filter(call__result__isnull=False)
    if graded.exists():
        yield f"{mt_bench.JUDGMENTS}/{stem}{mt_bench.GRADES}", _own_grades(graded)
    compared = verdicts.filter(call__pair__isnull=False)
    if compared.exists():
        yield f"{mt_bench.JUDGMENTS}/{stem}{mt_bench.GAMES}", _own_games(compared)


def _own_grades(verdicts: QuerySet[Verdict]) -> Iterator[str]:
    for verdict in verdicts.order_by("call").iterator(ROWS_AT_ONCE):
        call, result = verdict.call, verdict.call.result
        assert result is not None  # noqa: S101  the query selects only grades
        built = mt_bench.grade_row(
            result.prompt.number,
            mt_bench.file_stem(result.model.name),
            _names(verdict),
            _game(verdict, ""),
            verdict.score if verdict.state == CallState.OK else None,
            _turn(call.turn, result.prompt),
            verdict.reply.received_at.timestamp(),
            result.sample,
            call.sample,
        )
        yield mt_bench.line("grades", built, {})


def _own_games(verdicts: QuerySet[Verdict]) -> Iterator[str]:
    """Yields rows of pairs judged in both orders; FastChat's files have no others."""
    ordered = verdicts.order_by("call__pair", "call__turn", "call__sample", "call__left").iterator(ROWS_AT_ONCE)
    for _place, some in groupby(
        ordered, lambda verdict: (verdict.call.pair_id, verdict.call.turn, verdict.call.sample)
    ):
        games = list(some)
        if len(games) < 2:
            continue
        call, pair = games[0].call, games[0].call.pair
        assert pair is not None  # noqa: S101  the query selects only pairs
        built = mt_bench.game_row(
            pair.prompt.number,
            _models(pair, call.left),
            _names(games[0]),
            [_game(verdict, call.left) for verdict in games],
            _turn(call.turn, pair.prompt),
            games[-1].reply.received_at.timestamp(),
            call.sample,
        )
        yield mt_bench.line("games", built, {})


def _names(verdict: Verdict) -> list[str]:
    version = verdict.reply.answered_as
    return [version.rater_name, str(version.template)]


def _game(verdict: Verdict, left: str) -> Game:
    return Game(verdict.state, _winner(verdict, left), asked(verdict.reply), reply_text.words_or_error(verdict.reply))


def asked(reply: JudgeReply) -> str:
    """Returns the last message of the request."""
    try:
        messages = json.loads(reply.request).get("messages", [])
    except ValueError:
        return ""
    content = messages[-1].get("content") if messages and isinstance(messages[-1], dict) else ""
    return content if isinstance(content, str) else ""


def one_order(study: Study) -> int:
    """Returns how many matches were judged in only one order and are in no file."""
    places = judgments.verdicts(study).filter(call__pair__isnull=False)
    counted = places.values("reply__answered_as", "call__pair", "call__turn", "call__sample")
    return counted.annotate(orders=Count("pk")).filter(orders=1).count()


def notice(study: Study) -> str:
    """Returns a note on the matches that the export leaves out; empty if there are none."""
    number = one_order(study)
    text = ngettext(
        "%(number)d match judged in only one order is left out: FastChat needs both orders.",
        "%(number)d matches judged in only one order are left out: FastChat needs both orders.",
        number,
    )
    return text % {"number": number} if number else ""


WRITER: Final = Writer(files, notice)
