"""Importing comparisons."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import batched
from typing import Any, Final, NamedTuple, cast

from django.db.models import F
from django.db.models.functions import Greatest

from annotation.importing.rows.batches import BATCH_ROWS, Sink, Values
from annotation.importing.rows.context import ImportContext
from annotation.importing.rows.corpus import MODEL_COLUMNS
from annotation.importing.rows.errors import Refused, Repeated
from annotation.importing.rows.known_rows import STORED, Known, KnownPair, KnownRater, quoted
from annotation.importing.rows.pairs import Pairs
from annotation.interchange.faults import shown
from annotation.interchange.llmfao import CROWD, RATER_LENGTH, REPEATED_COLUMNS, is_reserved
from annotation.models import Comparison, Outcome, Pair, Rater, RaterKind, Worker
from annotation.models.voting import Stage
from annotation.problems import gettext_noop
from annotation.scales import Side, Winner, answer_of, winner_of

VOTE_CODES: Final = {(side, winner): side + winner for side in ("x", "y") for winner in ("x", "y", "tie")}
"""One string per left side and winner, shared by all votes in memory."""

WITHDRAWN: Final = ""

NO_SUCH_TURN: Final = gettext_noop("Prompt %(prompt)s has %(turns)s turns, so turn %(turn)s does not exist.")


class Vote(NamedTuple):
    """An answer in memory: its code, empty if it was withdrawn, and the last file that had it. All votes of one file
    with one code share one object."""

    code: str
    file: int = STORED


REPEATED: Final = frozenset(REPEATED_COLUMNS)
FIRST_TIME: Final = 2**64 - 1
"""Mask of the bits of a vote's key that identify rater and pair."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A rater's answer on a pair: the left side, the winner and, for repeated answers, turn and repetition."""

    left: Side
    winner: Winner
    turn: int = 0
    repetition: int = 0
    simulated: bool = False
    at: datetime | None = None
    weight: float | None = None
    share: float | None = None
    tie_kind: str = ""

    @property
    def code(self) -> str:
        """Everything that a second row must repeat: sides and winner, and weight and share if there are any.

        Not the kind of a tie, which plain files of comparisons do not have.
        """
        return _code(self.left, self.winner, self.weight, self.share)


class Comparisons:
    """Imports comparisons, by workers and by judges."""

    def __init__(self, context: ImportContext, pairs: Pairs) -> None:
        self.context = context
        self.pairs = pairs
        self._shared: dict[tuple[str, int], Vote] = {}
        self.numbers: dict[tuple[int | str, int, int], int] = {}
        self.external_ids: dict[int | str, str] = {}
        """By the number of a new worker, the id that a file gives them."""

    # The stored rows, and those that the files have added so far.

    @cached_property
    def raters(self) -> dict[int | str, KnownRater]:
        """Workers by number, judges by name."""
        if self.context.study is None:
            return {}
        found: dict[int | str, KnownRater] = {}
        rows = Rater.objects.filter(study=self.context.study).values_list(
            "pk", "name", "simulated", "excluded_at", "worker__number", "worker__joined_at"
        )
        for pk, name, simulated, excluded_at, number, joined_at in rows.iterator():
            key: int | str = number if name is None else name
            found[key] = KnownRater(
                pk,
                index=len(found),
                joined=joined_at is not None,
                simulated=simulated,
                excluded=excluded_at is not None,
            )
        return found

    @cached_property
    def votes(self) -> dict[int, Vote]:
        """Codes of answers, in force or withdrawn, by `_vote_key`."""
        if self.context.study is None:
            return {}
        pairs = {pair.pk: pair.index for pair in self.pairs.known.values()}
        raters = {rater.pk: rater.index for rater in self.raters.values()}
        found: dict[int, Vote] = {}
        below = {f"pair__{name}": value for name, value in self.context.below.items()}
        rows = Comparison.objects.filter(study=self.context.study, **below).values_list(
            *("pair", "rater", "turn", "trial", "withdrawn", "superseded_by"),
            *("left", "winner", "weight", "share"),
        )
        for pair, rater, turn, repetition, withdrawn, superseded_by, *given in rows.iterator():
            if pair not in pairs or rater not in raters:
                continue  # come since those were read; no row of the files can mean it without a race being told
            key = _vote_key(pairs[pair], raters[rater], turn, repetition)
            if withdrawn or superseded_by:
                found.setdefault(key, self._vote(WITHDRAWN, STORED))
            else:
                found[key] = self._vote(_code(*given), STORED)
        return found

    @cached_property
    def repeated(self) -> dict[int, list[str]]:
        """Maps each (turn, trial) key other than the first to the raters' answers on the pair."""
        found: dict[int, list[str]] = {}
        for key, vote in self.votes.items():
            if vote.code and key != (first := key & FIRST_TIME):
                found.setdefault(first, []).append(vote.code)
        return found

    def _vote(self, code: str, file: int) -> Vote:
        return self._shared.setdefault((code, file), Vote(code, file))

    # Importing answers; each method returns whether the row is new.

    def take_row(self, row: Mapping[str, Any], judge: str | None) -> bool:
        """Imports a comparison; `judge` is its rater if the row names none."""
        _prompt, left, right = self.pairs.corpus.contestants(row)
        _refuse_misnamed(row, left, right)
        pair = self.pairs.compared(row)
        rater_key = _rater_key(row, judge)
        side: Side = "x" if row["model_x"] == pair.values[1] else "y"
        turn, repetition = row.get("turn", 0), row.get("repetition", 0)
        if isinstance(rater_key, int) and (turn or repetition):
            where = "turn" if turn else "repetition"
            raise Refused(where, gettext_noop("People answer each pair once, as a whole. Set this to 0."))
        if turn > (turns := self.pairs.corpus.turns("prompt", row["prompt"])):
            raise Refused("turn", NO_SUCH_TURN, prompt=row["prompt"], turns=turns, turn=turn)
        if is_crowd(rater_key) and "repetition" not in row:
            repetition = self._next_of_crowd(rater_key, pair, turn)
        answer = Judged(
            side,
            winner_of(row["winner"], side),
            turn,
            repetition,
            row.get("simulated", False),
            weight=row.get("weight"),
            share=_share_of_x(row, side),
        )
        return self._take(rater_key, pair, answer, any_time=not REPEATED.intersection(row) and not is_crowd(rater_key))

    def take_unnumbered(
        self, rater: int | str, pair: KnownPair, side: Side, row: Mapping[str, Any]
    ) -> tuple[bool, int]:
        """Imports an answer whose row says neither turn nor repetition; returns whether it is new, and its repetition.

        Several votes of a crowd on a pair are numbered in the order of the files. Those of a judge are, too, for each
        order of the answers, as for judges that are run here. `side` is the one on the left, and `row` has the `winner`
        as shown, `at`, `turn`, `weight`, the left model's `share`, `tie_kind` and the rater's `background`.
        """
        answer = answer_in(row, side)
        if isinstance(rater, int):
            number = 0
        elif is_crowd(rater):
            number = self._next_of_crowd(rater, pair, answer.turn)
        else:
            refuse_no_judge("judge", rater)
            swapped = side == "y"
            number = 2 * self._next_of_crowd(rater, pair, -1 - swapped - 2 * answer.turn) + swapped
        background = row.get("background") or {}
        return self._take(rater, pair, replace(answer, repetition=number), background=background), number

    def _next_of_crowd(self, crowd: int | str, pair: KnownPair, turn: int) -> int:
        """Returns the number of the next vote of a crowd on a pair, counted from 0 in the order of the files."""
        key = (crowd, pair.index, turn)
        number = self.numbers.get(key, 0)
        self.numbers[key] = number + 1
        return number

    def take_verdict(self, where: str, judge: str, pair: KnownPair, answer: Judged) -> bool:
        """Imports the verdict of the judge `judge` on `pair`; `where` is the field that has it.

        Raises:
            Refused: another verdict is already stored, or files cannot add answers of that rater.
        """
        refuse_no_judge(where, judge)
        return self._take(judge, pair, answer)

    def _take(
        self,
        rater_key: int | str,
        pair: KnownPair,
        answer: Judged,
        *,
        any_time: bool = False,
        background: Mapping[str, str] | None = None,
    ) -> bool:
        """Imports an answer. With `any_time` it may match any of the rater's repeated answers on the pair."""
        rater = self.raters.get(rater_key)
        code = answer.code
        if rater is not None:
            key = _vote_key(pair.index, rater.index, answer.turn, answer.repetition)
            vote = self.votes.get(key)
            before = None if vote is None else vote.code
            if before is None and any_time and (others := self.repeated.get(key)):
                before = code if code in others else others[0]
            if before == code:
                if vote is not None:
                    self._meet(key, vote)
                return False
            _refuse_second(before, code, answer.left, is_crowd=is_crowd(rater_key))
        rater = self.rater(rater_key, simulated=answer.simulated, background=background)
        key = _vote_key(pair.index, rater.index, answer.turn, answer.repetition)
        self.votes[key] = self._vote(code, self.context.file)
        rater.votes += 1
        if sink := self.context.sink:
            counts = counts_as_person(rater_key, rater)
            sink.comparisons.add(None, self._comparison_maker(sink, pair, rater, answer, counts=counts))
        return True

    def rater(
        self, key: int | str, *, simulated: bool = False, background: Mapping[str, str] | None = None
    ) -> KnownRater:
        """Returns the rater with this number or name, who is added if there is none.

        Raises:
            Refused: files cannot add answers of that rater.
        """
        rater = self.raters.get(key)
        if rater is None:
            return self._add_rater(key, simulated, background or {})
        _refuse_adding(rater, key, simulated)
        return rater

    def _meet(self, key: int, vote: Vote) -> None:
        """Notes that a row of this file equals `vote`.

        Raises:
            Repeated: an earlier row of this file equals it too.
        """
        if vote.file == self.context.file:
            raise Repeated
        self.votes[key] = self._vote(vote.code, self.context.file)

    def _comparison_maker(
        self, sink: Sink, pair: KnownPair, rater: KnownRater, answer: Judged, *, counts: bool
    ) -> Callable[[], Values]:
        assert self.context.study is not None  # noqa: S101  with a sink it exists
        study, upload = self.context.study.pk, sink.upload.pk

        def make() -> Values:
            if counts:
                sink.taken[pair.pk] += 1
            return values_of(answer, study, pair.pk, rater.pk, upload)

        return make

    def _add_rater(self, key: int | str, simulated: bool, background: Mapping[str, str]) -> KnownRater:
        if isinstance(key, str) and len(key) > RATER_LENGTH:
            raise Refused("rater", gettext_noop("Use at most 200 characters."))
        rater = KnownRater(0, index=len(self.raters), joined=False, simulated=simulated, excluded=False)
        self.raters[key] = rater
        if sink := self.context.sink:
            is_worker = isinstance(key, int)
            kind = RaterKind.WORKER if is_worker else RaterKind.CROWD if is_crowd(key) else RaterKind.JUDGE
            sink.raters.add(
                rater,
                lambda: Rater(
                    study=self.context.study,
                    kind=kind,
                    name=None if is_worker else key,
                    simulated=simulated,
                    # Members of a crowd are not known, so nothing can be said of all of them.
                    background=dict(background) if is_worker else {},
                    upload=sink.upload,
                ),
            )
            if is_worker:
                # These workers completed their task elsewhere.
                sink.workers.add(
                    None,
                    lambda: Worker(
                        rater_id=rater.pk,
                        study=self.context.study,
                        number=key,
                        external_id=self.external_ids.get(key),
                        stage=Stage.DONE,
                        outcome=Outcome.COMPLETED,
                    ),
                )
        return rater

    # Finishing.

    def settle(self, sink: Sink) -> None:
        """Counts people's votes on their pairs and workers, once everything is stored in `sink`."""
        shift_taken(sink.taken, 1)
        changed: dict[int, list[int]] = {}
        for key, rater in self.raters.items():
            if rater.votes and isinstance(key, int):
                changed.setdefault(rater.votes, []).append(rater.pk)
        for votes, raters in changed.items():
            for some in batched(raters, BATCH_ROWS):
                Worker.objects.filter(pk__in=some).update(votes=F("votes") + votes)


def counts_as_person(key: int | str, rater: KnownRater) -> bool:
    """Returns whether votes of a rater count as votes of people on their pairs."""
    return (isinstance(key, int) or is_crowd(key)) and not (rater.simulated or rater.excluded)


def refuse_no_judge(where: str, name: str) -> None:
    """Refuses a `name` that no judge may have."""
    if is_reserved(name) or len(name) > RATER_LENGTH:
        raise Refused(where, gettext_noop("A valid judge name is required."))


def answer_in(row: Mapping[str, Any], side: Side) -> Judged:
    """Returns the answer in a row of another tool, whose left model is `side` of the pair."""
    return Judged(
        side,
        winner_of(row["winner"], side),
        row.get("turn", 0),
        at=row.get("at"),
        weight=row.get("weight"),
        share=_share_of_x(row, side),
        tie_kind=row.get("tie_kind", ""),
    )


def values_of(answer: Judged, study: int, pair: int, rater: int, upload: int) -> Values:
    """Returns the columns of a comparison; all others are primary keys."""
    return {
        "study_id": study,
        "pair_id": pair,
        "rater_id": rater,
        "turn": answer.turn,
        "trial": answer.repetition,
        "left": answer.left,
        "winner": answer.winner,
        "weight": answer.weight,
        "share": answer.share,
        "tie_kind": answer.tie_kind,
        "answered_at": answer.at,
        "upload_id": upload,
    }


def is_crowd(key: int | str) -> bool:
    """Returns whether a rater is a crowd whose members are not known."""
    return isinstance(key, str) and CROWD.fullmatch(key) is not None


def _code(left: str, winner: str, weight: float | None, share: float | None) -> str:
    """Returns what identifies an answer: side and winner first, then weight and share if there are any."""
    plain = VOTE_CODES[left, winner]
    if weight is None and share is None:
        return plain
    # A share is stored for x and read for the left model, so its last digits may differ.
    return f"{plain} {weight} {None if share is None else round(share, 12)}"


def _share_of_x(row: Mapping[str, Any], side: Side) -> float | None:
    """Returns x's share of a soft verdict, given that of the left model.

    Raises:
        Refused: the winner has the smaller share.
    """
    share: float | None = row.get("share")
    if share is None:
        return None
    if (row["winner"] == "left" and share < 0.5) or (row["winner"] == "right" and share > 0.5):
        raise Refused(
            "share",
            gettext_noop("The winner is %(winner)s, but the left model’s share is %(share)s. Correct one of them."),
            winner=row["winner"],
            share=shown(str(share)),
        )
    return share if side == "x" else 1 - share


def _vote_key(pair: int, rater: int, turn: int = 0, repetition: int = 0) -> int:
    # Turn and repetition are the high bits: keys of people, which are most of them, stay small.
    return turn << 96 | repetition << 64 | pair << 32 | rater


def _rater_key(row: Mapping[str, Any], judge: str | None) -> int | str:
    """Returns the worker's number or the judge's name."""
    rater = row.get("rater", "people" if "worker" in row else judge)
    if rater == "people":
        number = row.get("worker")
        if number is None:
            raise Refused("worker", gettext_noop("A worker number is required."))
        return int(number)
    if row.get("worker") is not None:
        raise Refused("worker", gettext_noop("Leave this cell empty: the row belongs to a judge."))
    if rater is None or (is_reserved(rater) and not is_crowd(rater)):
        raise Refused("rater", gettext_noop("A valid judge name is required."))
    return str(rater)


def _refuse_misnamed(row: Mapping[str, Any], left: Known, right: Known) -> None:
    """Refuses a row whose model names differ from the stored ones."""
    for column, model, number in (("left", left, row["model_x"]), ("right", right, row["model_y"])):
        if column in row and row[column] != (name := model.values[MODEL_COLUMNS.index("name")]):
            raise Refused(
                column,
                gettext_noop("Model %(number)s is named %(stored)s, not %(found)s."),
                number=number,
                stored=quoted(name),
                found=shown(row[column]),
            )


def _refuse_second(before: str | None, code: str, left: Side, *, is_crowd: bool) -> None:
    """Refuses a different second answer of a rater on a pair; reports both answers by the row's sides."""
    if before is None:
        return
    if is_crowd and before != WITHDRAWN:
        raise Refused(
            "rater",
            gettext_noop(
                "This crowd already has another vote with this number on this pair. Give this source a name of its "
                "own, as in crowd:NAME, or number the votes on a pair in the column “repetition”."
            ),
        )
    plain, _space, weights = before.partition(" ")
    new, _space, new_weights = code.partition(" ")
    if plain == new and weights != new_weights:
        raise Refused(
            "weight", gettext_noop("This rater already answered this pair the same way, with another weight or share.")
        )
    before, code = plain, new
    if before == WITHDRAWN:
        raise Refused(
            "winner", gettext_noop("This answer was given in the study and then undone there, so a file cannot add it.")
        )
    if before[1:] != code[1:]:
        raise Refused(
            "winner",
            gettext_noop("This rater already answered this pair with %(before)s, not %(found)s."),
            before=answer_of(cast(Winner, before[1:]), left),
            found=answer_of(cast(Winner, code[1:]), left),
        )
    raise Refused("model_x", gettext_noop("This rater already answered this pair with the sides swapped."))


def _refuse_adding(rater: KnownRater, rater_key: int | str, simulated: bool) -> None:
    """Refuses an answer of a rater whose answers cannot come from files."""
    where = "worker" if isinstance(rater_key, int) else "rater"
    if rater.simulated and not simulated:
        raise Refused(
            where, gettext_noop("Rater %(rater)s is simulated in this study, but not in this row."), rater=rater_key
        )
    if simulated and not rater.simulated:
        raise Refused(
            where, gettext_noop("Rater %(rater)s is simulated in this row, but not in this study."), rater=rater_key
        )
    if rater.joined:
        raise Refused(
            where,
            gettext_noop("Worker %(number)s joined this study through its link, so a file cannot add votes for them."),
            number=rater_key,
        )


def shift_taken(votes: Mapping[int, int], sign: int) -> None:
    """Adds people's votes to `taken` of their pairs, or subtracts them with a `sign` of -1.

    `votes` maps the pair's primary key to a number. `wanted` is raised to `taken` where needed.
    """
    by_number: dict[int, list[int]] = {}
    for pair, number in votes.items():
        by_number.setdefault(number, []).append(pair)
    for number, pairs in by_number.items():
        taken = F("taken") + sign * number
        for some in batched(pairs, BATCH_ROWS):
            Pair.objects.filter(pk__in=some).update(taken=taken, wanted=Greatest(F("wanted"), taken))
