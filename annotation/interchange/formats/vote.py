"""A vote on two models without texts, as the formats of other tools read it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from annotation.scales import Answer

KIND: Final = "votes"
ROWS: Final = ("models", "prompts", "results", "pairs", "comparisons", KIND)


class Person(NamedTuple):
    """A rater who is known by the id that a file gives them."""

    id: str


def prompt_of(key: str) -> tuple[str, str]:
    """Returns what identifies a prompt that is known by its key alone, among prompts that are known by their texts."""
    return ("key", key)


def values(
    *,
    models: tuple[str, str],
    winner: Answer,
    rater: int | str | Person,
    prompt: str | None = None,
    weight: float | None = None,
    share: float | None = None,
    tie_kind: str = "",
    turn: int = 0,
    at: datetime | None = None,
    background: Mapping[str, str] | None = None,
    category: str = "",
    again: bool = False,
) -> dict[str, Any]:
    """Returns the values of a record: the left model first.

    `rater` is a worker's number, the id of a person, or the name of a judge or of a crowd. A row without a `prompt` is
    its own prompt; with `again` it is another rater's vote in the row of the record before, on the same pair.
    `category` is that of a new prompt.
    """
    return {
        "models": models,
        "winner": winner,
        "rater": rater,
        "prompt": prompt,
        "weight": weight,
        "share": share,
        "tie_kind": tie_kind,
        "turn": turn,
        "at": at,
        "background": dict(background or {}),
        "category": category,
        "again": again,
    }


def topic(prompt: str, category: str) -> dict[str, Any]:
    """Returns the values of a record without a vote: what a file knows of a prompt by its key."""
    return {"winner": None, "prompt": prompt, "category": category}
