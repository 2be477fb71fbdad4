"""What records say about two models: one verdict of one rater each. For those who need no study, only its votes."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from annotation.interchange.format import Record
from annotation.interchange.formats import battle, vote
from annotation.interchange.formats.vote import Person
from annotation.interchange.llmfao import CROWD, Wrong, is_reserved
from annotation.problems import gettext_noop
from annotation.scales import Answer

type Rater = int | str | Person
"""A worker's number, a person's id in a file, or the name of a judge or a crowd."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rater's answer on two models' answers to one prompt.

    Attributes:
        models: the names of the left and the right model, or their numbers in the files.
        winner: left, right or tie.
        rater: who gave it; empty if the file does not say.
        prompt: what identifies the prompt among the files; None if a row is its own prompt.
        pair: what identifies, besides prompt and models, what was compared; None if that is enough.
        turn: the turn that was judged; 0 for the whole conversation.
        repetition: which of the rater's answers on the pair and turn this is; None if it has no number.
        weight: how many times as much it counts; None for once.
        share: the left model's share of a soft verdict; None if the winner says all.
        at: when it was given; None if unknown.
        category: the prompt's category; empty if unknown.
        simulated: whether a program made it up.
        texts: the two answers, left and right, a text for each turn; None if the record has none.
    """

    models: tuple[str | int, str | int]
    winner: Answer
    rater: Rater
    prompt: Hashable = None
    pair: Hashable = None
    turn: int = 0
    repetition: int | None = None
    weight: float | None = None
    share: float | None = None
    at: datetime | None = None
    category: str = ""
    simulated: bool = False
    texts: tuple[Sequence[str], Sequence[str]] | None = None


type Read = Callable[[Record], Iterator[Verdict]]

READ: Final[dict[str, Read]] = {}
"""By kind of record, the function that yields its verdicts."""


def register(kind: str, read: Read) -> None:
    """Lets verdicts be read from records of `kind`.

    Raises:
        ValueError: another function reads them.
    """
    if READ.setdefault(kind, read) is not read:
        raise ValueError(f"Verdicts of {kind!r} are read already.")


def of_record(record: Record) -> Iterator[Verdict]:
    """Yields the verdicts in `record`; none if records of its kind hold no verdicts.

    Raises:
        Wrong: what its columns say does not fit together.
    """
    read = READ.get(record.kind)
    if read is not None and not record.faulty:
        yield from read(record)


def is_crowd(rater: Rater) -> bool:
    """Returns whether `rater` is a crowd whose members are not known."""
    return isinstance(rater, str) and CROWD.fullmatch(rater) is not None


def is_one_person(rater: Rater) -> bool:
    """Returns whether `rater` is a single person."""
    return isinstance(rater, int | Person)


def is_person(rater: Rater) -> bool:
    """Returns whether `rater` is a person or a crowd, and no judge."""
    return is_one_person(rater) or is_crowd(rater)


def _of_comparison(record: Record) -> Iterator[Verdict]:
    row = record.values
    rater = rater_of(row.get("rater", "people" if "worker" in row else ""), row.get("worker"))
    if isinstance(rater, int) and (row.get("turn") or row.get("repetition")):
        raise Wrong(gettext_noop("People answer each pair once, as a whole. Set turn and repetition to 0."))
    refuse_odd_share(row["winner"], row.get("share"))
    yield Verdict(
        models=(row["model_x"], row["model_y"]),
        winner=row["winner"],
        rater=rater,
        prompt=row["prompt"],
        pair=row["id"],
        turn=row.get("turn", 0),
        repetition=row.get("repetition", 0),
        weight=row.get("weight"),
        share=row.get("share"),
        simulated=row.get("simulated", False),
    )


def _of_battle(record: Record) -> Iterator[Verdict]:
    row = record.values
    if row["winner"] is None:
        return
    prompt, texts = _turns(row["prompt"]), tuple(map(_turns, row["answers"]))
    yield Verdict(
        models=row["models"],
        winner=row["winner"],
        rater=row["rater"],
        prompt=prompt,
        pair=frozenset(zip(row["models"], texts, strict=True)),
        turn=row.get("turn") or 0,
        weight=row.get("weight"),
        share=row.get("share"),
        at=row.get("at"),
        category=row.get("category", ""),
        texts=(texts[0], texts[1]),
    )


def _of_vote(record: Record) -> Iterator[Verdict]:
    row = record.values
    if row["winner"] is None:
        # It says something of a prompt.
        return
    refuse_odd_share(row["winner"], row.get("share"))
    yield Verdict(
        models=row["models"],
        winner=row["winner"],
        rater=row["rater"],
        prompt=None if row["prompt"] is None else vote.prompt_of(row["prompt"]),
        turn=row.get("turn") or 0,
        weight=row.get("weight"),
        share=row.get("share"),
        at=row.get("at"),
    )


def rater_of(rater: str, worker: int | None) -> int | str:
    """Returns the rater that the columns `rater` and `worker` of the exchange format name together.

    Raises:
        Wrong: they contradict each other, or no judge can have that name.
    """
    if rater == "people":
        if worker is None:
            raise Wrong(gettext_noop("A worker number is required."))
        return worker
    if worker is not None:
        raise Wrong(gettext_noop("Leave the worker empty: the row belongs to a judge."))
    if is_reserved(rater) and not is_crowd(rater):
        raise Wrong(gettext_noop("A valid judge name is required."))
    return rater


def refuse_odd_share(winner: str, share: float | None) -> None:
    """Refuses a soft verdict whose winner has the smaller share.

    Raises:
        Wrong: it has.
    """
    if share is not None and ((winner == "left" and share < 0.5) or (winner == "right" and share > 0.5)):
        reason = gettext_noop("The winner is %(winner)s, but the left model’s share is %(share)s. Correct one of them.")
        raise Wrong(reason, winner=winner, share=f"{share:g}")


def _turns(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else tuple(value)


register("comparisons", _of_comparison)
register(battle.KIND, _of_battle)
register(vote.KIND, _of_vote)


def category_of(record: Record) -> tuple[Hashable, str] | None:
    """Returns a prompt and its category, where a record says the category of a prompt without a verdict."""
    row = record.values
    if record.kind == "prompts" and row.get("type"):
        return row["id"], row["type"]
    if record.kind == vote.KIND and row["winner"] is None and row["prompt"] is not None and row.get("category"):
        return vote.prompt_of(row["prompt"]), row["category"]
    return None


def numbered_names(record: Record) -> Mapping[Any, str]:
    """Returns the names of models that a record of the exchange format gives to their numbers."""
    row = record.values
    if record.kind == "models" and "id" in row and "name" in row:
        return {row["id"]: row["name"]}
    if record.kind == "comparisons":
        sides = (("model_x", "left"), ("model_y", "right"))
        return {row[number]: row[name] for number, name in sides if name in row and number in row}
    return {}
