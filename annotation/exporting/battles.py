"""Exports a study as battles: the files of a MAD competition, and one JSON list.

Rows that came from such files are written as they were, in their order; other pairs and votes follow.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import batched
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from annotation.exporting.study_formats import Files, Writer
from annotation.interchange.formats import battles, mad, remainder
from annotation.models import BattleRow, Comparison, Pair, RaterKind, Study
from annotation.scales import answer_of

AT_ONCE: Final = 200

RELATED: Final = ("prompt", "model_x", "model_y", "result_x", "result_y")


def _pairs(study: Study) -> QuerySet[Pair]:
    """Returns the pairs that a battle can hold: those of prompts and answers of one turn."""
    found = Pair.objects.filter(study=study, prompt__turns=[], result_x__turns=[], result_y__turns=[]).votable()
    return found.select_related(*RELATED).order_by("pk")


def _votes(study: Study, raters: Q) -> QuerySet[Comparison]:
    """Returns the counted comparisons of the chosen raters on these pairs, of whole conversations and not simulated."""
    counted = Comparison.objects.counted().filter(raters, study=study, turn=0, rater__simulated=False)
    plain = counted.filter(pair__prompt__turns=[], pair__result_x__turns=[], pair__result_y__turns=[])
    related = ("rater__worker", *(f"pair__{name}" for name in RELATED))
    return plain.filter(rater__derived=False).select_related(*related)


PEOPLE: Final = ~Q(rater__kind=RaterKind.JUDGE)


def _rater(vote: Comparison) -> int | str:
    return vote.rater.worker.number if vote.rater.name is None else vote.rater.name


def _answers(pair: Pair, left: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Returns the names of the models and their answers, those of the side `left` first."""
    assert pair.result_x is not None and pair.result_y is not None  # noqa: S101, PT018  they are votable
    models, texts = (pair.model_x.name, pair.model_y.name), (pair.result_x.text, pair.result_y.text)
    return (models, texts) if left == "x" else (models[::-1], texts[::-1])


class _Stored:
    """The rows that came from files of one format, by file, and which votes and pairs they stand for."""

    def __init__(self, study: Study, name: str, votes: QuerySet[Comparison]) -> None:
        self.rows = BattleRow.objects.filter(study=study, format=name)
        self.votes = votes
        self.keys: set[int] = set()
        self.pairs: set[int] = set()

    def files(self) -> list[str]:
        return sorted(set(self.rows.order_by().values_list("file", flat=True)))

    def of(self, rows: QuerySet[BattleRow]) -> Iterator[tuple[BattleRow, Comparison | None]]:
        """Yields rows with their votes; leaves out those whose vote does not count any more."""
        found = rows.select_related(*(f"pair__{name}" for name in RELATED)).order_by("pk")
        for some in batched(found.iterator(AT_ONCE), AT_ONCE, strict=False):
            theirs = {
                (vote.pair_id, battles.judge_of(_rater(vote)), vote.trial): vote
                for vote in self.votes.filter(pair__in={row.pair_id for row in some})
            }
            for row in some:
                vote = theirs.get((row.pair_id, row.rater, row.trial))
                if vote is not None or not row.rater:
                    self.pairs.add(row.pair_id)
                    if vote is not None:
                        self.keys.add(vote.pk)
                    yield row, vote


def _mad_row(pair: Pair, left: str, vote: Comparison | None) -> dict[str, Any]:
    models, texts = _answers(pair, left)
    winner = None if vote is None else answer_of(vote.winner, left)  # type: ignore[arg-type]
    return mad.built(pair.prompt.text, models, texts, winner)


def mad_files(study: Study) -> Files:
    """Yields a file for each two models, named after them: a row per vote of people, and per pair without one."""
    stored = _Stored(study, mad.NAME, _votes(study, PEOPLE))
    before = {
        name: [_mad_line(row, vote) for row, vote in stored.of(stored.rows.filter(file=name))]
        for name in stored.files()
    }
    more: dict[str, list[str]] = {}
    pairs = list(_pairs(study).values_list("pk", flat=True))
    for some in batched(pairs, AT_ONCE, strict=False):
        votes: dict[int, list[Comparison]] = {}
        for vote in stored.votes.filter(pair__in=some).order_by("pk"):
            votes.setdefault(vote.pair_id, []).append(vote)
        for pair in _pairs(study).filter(pk__in=some):
            left = "x" if pair.model_x_id < pair.model_y_id else "y"
            name = mad.file_name(*_answers(pair, left)[0])
            fresh = [vote for vote in votes.get(pair.pk, ()) if vote.pk not in stored.keys]
            rows: Sequence[Comparison | None] = fresh
            if not votes.get(pair.pk) and pair.pk not in stored.pairs:
                rows = [None]
            for each in rows:
                line = remainder.line(_mad_row(pair, left, each), {}, mad.ORDER)
                more.setdefault(name, []).append(line + "\n")
    for name in sorted(before.keys() | more.keys()):
        yield name, [*before.get(name, ()), *more.get(name, ())]


def _mad_line(row: BattleRow, vote: Comparison | None) -> str:
    return remainder.line(_mad_row(row.pair, row.left, vote), row.extra, mad.ORDER) + "\n"


def battles_files(study: Study) -> Files:
    """Yields one JSON list with a battle on each line, a battle per vote."""
    yield battles.FILE, _list(_battles(study))


def _battles(study: Study) -> Iterator[str]:
    stored = _Stored(study, battles.NAME, _votes(study, Q()))
    for row, vote in stored.of(stored.rows):
        if vote is not None:
            yield remainder.line(_battle(vote, row.left), row.extra, battles.ORDER)
    for vote in stored.votes.order_by("pk").iterator(AT_ONCE):
        if vote.pk not in stored.keys:
            yield remainder.line(_battle(vote, vote.left), {}, battles.ORDER)


def _battle(vote: Comparison, left: str) -> dict[str, Any]:
    models, texts = _answers(vote.pair, left)
    winner = answer_of(vote.winner, left)  # type: ignore[arg-type]
    prompt = vote.pair.prompt
    return battles.built(prompt.text, models, texts, winner, _rater(vote), prompt.lang, vote.answered_at)


def _list(lines: Iterator[str]) -> Iterator[str]:
    between = "[\n"
    for line in lines:
        yield between + line
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _notice(cannot_carry: Sequence[str]) -> Callable[[Study], str]:
    def notice(study: Study) -> str:
        return _("These files do not include: %(what)s.") % {"what": "; ".join(_(each) for each in cannot_carry)}

    return notice


MAD_WRITER: Final = Writer(mad_files, _notice(mad.FORMAT.cannot_carry))
BATTLES_WRITER: Final = Writer(battles_files, _notice(battles.FORMAT.cannot_carry))
