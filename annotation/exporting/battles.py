"""Exports a study as battles: the files of a MAD competition, and the layouts with a battle on each row.

Rows that came from files of the same format are written as they were, in their order; other pairs and votes follow.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from annotation.exporting import votes
from annotation.exporting.comparisons import ALL
from annotation.exporting.file_formats import FILE_FORMATS, Batch, Column
from annotation.exporting.layouts import Layout
from annotation.exporting.selection import Selection
from annotation.exporting.study_formats import Files, Writer
from annotation.exporting.votes import AT_ONCE, ONE_TURN, Vote
from annotation.interchange.format import Format
from annotation.interchange.formats import alpaca_eval, arena_140k, battles, chatbot_arena, mad, remainder
from annotation.interchange.formats.chatbot_arena import Texts, Verdict
from annotation.interchange.formats.remainder import Order
from annotation.models import Comparison, Study
from annotation.problems import gettext_noop


@dataclass(frozen=True, slots=True)
class Battles:
    """How the rows of a format of battles are built from votes, in the `order` of their keys.

    `within` selects the votes that the format can hold. A vote that `build` returns None for has no row.
    """

    format: Format
    columns: tuple[Column, ...]
    order: Order
    build: Callable[[Vote], dict[str, Any] | None]
    within: Q

    def batches(self, study: Study, asked: Selection) -> Iterator[Batch]:
        """Returns the rows of the study in batches.

        Raises:
            NotPossible: no judge has the name or no prompt the category, or the study has no texts.
        """
        votes.need_texts(study)
        found = votes.votes(study, asked, self.within)
        return self._batches(study, asked, found)

    def _batches(self, study: Study, asked: Selection, found: Any) -> Iterator[Batch]:
        name = self.format.name
        for some in votes.with_votes(votes.rows_of(study, name, asked), found, asked.reading):
            yield self._batch([(vote, row.extra) for row, vote in some])
        for fresh in votes.batches(votes.without_rows(found, study, name), asked.reading):
            yield self._batch([(vote, {}) for vote in fresh])

    def _batch(self, rows: Sequence[tuple[Vote, Mapping[str, Any]]]) -> Batch:
        built = [(row, extra) for vote, extra in rows if (row := self.build(vote)) is not None]
        lines = [remainder.line(row, extra, self.order) for row, extra in built]
        whole = [json.loads(line) for line in lines]
        return Batch(
            {column.name: [row.get(column.name) for row in whole] for column in self.columns},
            lines,
            sum(vote.comparison is not None for vote, _extra in rows),
        )


def _one_text(vote: Vote) -> tuple[str, str]:
    """Returns both answers to a prompt of one turn."""
    (left, *_more), (right, *_others) = vote.answers
    return left, right


def _verdict(vote: Vote) -> Verdict:
    return Verdict(vote.decided, vote.given.tie_kind)


def _arena(vote: Vote) -> dict[str, Any]:
    said = Texts(vote.prompt, vote.answers)
    return chatbot_arena.built(vote.models, _verdict(vote), vote.rater, vote.pair.prompt.lang, vote.at, said, vote.key)


def _arena_140k(vote: Vote) -> dict[str, Any]:
    said = Texts(vote.prompt, vote.answers)
    return arena_140k.built(vote.key, vote.models, said, _verdict(vote), vote.rater, vote.pair.prompt.lang, vote.at)


def _annotation(vote: Vote) -> dict[str, Any]:
    return alpaca_eval.built(
        vote.pair.prompt.text,
        vote.models,
        _one_text(vote),
        vote.winner,
        vote.share,
        vote.rater,
        vote.pair.prompt.type or "",
    )


def _battle(vote: Vote) -> dict[str, Any]:
    prompt = vote.pair.prompt
    return battles.built(prompt.text, vote.models, _one_text(vote), vote.decided, vote.rater, prompt.lang, vote.at)


_MESSAGES: Final = (Column("conversation_a", "messages"), Column("conversation_b", "messages"))

ARENA: Final = Battles(
    chatbot_arena.FORMAT,
    (
        *(Column(name) for name in ("question_id", "model_a", "model_b", "winner", "judge")),
        *_MESSAGES,
        *(Column("turn", "whole"), Column("anony", "truth"), Column("language"), Column("tstamp", "number")),
    ),
    chatbot_arena.ORDER,
    _arena,
    Q(),
)
ARENA_140K: Final = Battles(
    arena_140k.FORMAT,
    (
        *(Column(name) for name in ("id", "model_a", "model_b", "winner", "evaluation_session_id")),
        Column("evaluation_order", "whole"),
        *(Column("conversation_a", "parts"), Column("conversation_b", "parts")),
        *(Column("language"), Column("timestamp")),
    ),
    arena_140k.ORDER,
    _arena_140k,
    Q(),
)
ALPACA_EVAL: Final = Battles(
    alpaca_eval.FORMAT,
    tuple(Column(name, "number" if name == "preference" else "text") for name in alpaca_eval.COLUMNS),
    alpaca_eval.ORDER,
    _annotation,
    ONE_TURN,
)
BATTLES: Final = Battles(
    battles.FORMAT,
    (
        *(Column(name) for name in ("model_a", "model_b", "winner", "judge")),
        *(Column("turn", "whole"), Column("anony", "truth"), Column("language"), Column("tstamp", "number")),
        *(Column("source"), Column("data", "json")),
    ),
    battles.ORDER,
    _battle,
    ONE_TURN,
)


def layout(known: Battles, stem: str, help_text: str, *formats: str) -> Layout:
    """Returns the layout with the rows of `known`."""
    return Layout(
        known.format.name,
        known.format.label,
        help_text,
        stem,
        formats,
        lambda _study, _asked: known.columns,
        known.batches,
        cannot_carry=known.format.cannot_carry,
    )


LAYOUTS: Final = (
    layout(
        ARENA,
        "RATERS-battles",
        gettext_noop("A row is a vote with both conversations, as in the published 33k and 100k."),
        *("jsonl", "json", "csv", "parquet"),
    ),
    layout(
        ARENA_140K,
        "RATERS-battles-140k",
        gettext_noop("A row is a vote with both conversations as typed parts, as in the published 140k."),
        *("jsonl", "json", "csv", "parquet"),
    ),
    layout(
        ALPACA_EVAL,
        "annotations",
        gettext_noop("A row is a vote: 1 for the first output, 2 for the second, 1.5 for a tie."),
        *("json", "jsonl", "csv", "parquet"),
    ),
    layout(
        BATTLES,
        "battles",
        gettext_noop("A row is a vote with the texts in “data”, as MAD competitions have it."),
        *("json", "jsonl"),
    ),
)


# The files of a MAD competition.


def _mad_row(vote: Vote) -> dict[str, Any]:
    return mad.built(vote.pair.prompt.text, vote.models, _one_text(vote), vote.winner)


def _mad_line(vote: Vote, extra: Mapping[str, Any]) -> str:
    return remainder.line(_mad_row(vote), extra, mad.ORDER) + "\n"


def mad_files(study: Study) -> Files:
    """Yields a file for each two models, named after them: a row per vote of people, and per pair without one."""
    people = votes.votes(study, Selection(), ONE_TURN)
    stored = votes.rows_of(study, mad.NAME, Selection(raters=ALL))
    seen: set[int] = set()
    before: dict[str, list[str]] = {}
    for name in sorted(set(stored.order_by().values_list("file", flat=True))):
        for some in votes.with_votes(stored.filter(file=name), people):
            seen.update(row.pair_id for row, _vote in some)
            before.setdefault(name, []).extend(_mad_line(vote, row.extra) for row, vote in some)
    more: dict[str, list[str]] = {}
    fresh = votes.without_rows(people, study, mad.NAME)
    for keys in batched(votes.pairs(study).values_list("pk", flat=True), AT_ONCE, strict=False):
        voted = set(people.filter(pair__in=keys).order_by().values_list("pair", flat=True))
        theirs: dict[int, list[Comparison]] = {}
        for given in fresh.filter(pair__in=keys):
            theirs.setdefault(given.pair_id, []).append(given)
        for pair in votes.pairs(study).filter(pk__in=keys):
            rows: Sequence[Comparison | None] = theirs.get(pair.pk, ())
            if pair.pk not in voted and pair.pk not in seen:
                rows = [None]
            for comparison in rows:
                vote = Vote(pair, "x" if pair.model_x_id < pair.model_y_id else "y", comparison)
                more.setdefault(mad.file_name(*vote.models), []).append(_mad_line(vote, {}))
    for name in sorted(before.keys() | more.keys()):
        yield name, [*before.get(name, ()), *more.get(name, ())]


def battles_files(study: Study) -> Files:
    """Yields one JSON list with a battle on each line, a battle per vote of any rater."""
    chunks = FILE_FORMATS["json"].chunks(BATTLES.columns, BATTLES.batches(study, Selection(raters=ALL)))
    yield battles.FILE, (chunk.decode() for chunk in chunks)


def _notice(cannot_carry: Sequence[str]) -> Callable[[Study], str]:
    def notice(study: Study) -> str:
        return _("These files do not include: %(what)s.") % {"what": "; ".join(_(each) for each in cannot_carry)}

    return notice


MAD_WRITER: Final = Writer(mad_files, _notice(mad.FORMAT.cannot_carry))
BATTLES_WRITER: Final = Writer(battles_files, _notice(battles.FORMAT.cannot_carry))
