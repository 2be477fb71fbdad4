"""The answer scales of studies, and what their values mean for the two sides as shown."""

from dataclasses import dataclass
from typing import Final, Literal

type Answer = Literal["left", "right", "tie"]
"""A vote as shown: which side was better."""

type Side = Literal["x", "y"]
"""One of the two results of a pair, whichever side it was on."""

type Winner = Literal["x", "y", "tie"]
"""A vote as stored: which result won."""

ANSWERS: Final[tuple[Answer, ...]] = ("left", "right", "tie")
SIDES: Final[tuple[Side, ...]] = ("x", "y")


class NotOnScale(ValueError):
    """The scale has no such value."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale with values from 1 (left is much better) to `top` (right is much better)."""

    name: str
    top: int
    has_tie: bool

    @property
    def values(self) -> range:
        return range(1, self.top + 1)

    def answer(self, value: int) -> Answer:
        """Returns the answer of `value`; the middle of a scale with a tie is a tie.

        Raises:
            NotOnScale: the scale has no such value.
        """
        if value not in self.values:
            raise NotOnScale(f"{value} is not on the scale 1 to {self.top}")
        middle = self.top + 1
        if 2 * value == middle:
            return "tie"
        return "left" if 2 * value < middle else "right"

    def agrees(self, value: int, golden: Answer) -> bool:
        """Returns whether `value` agrees with a golden answer.

        On a scale without a tie that has several levels (1 to 8), both values next to the middle agree with a tie.
        """
        if golden == "tie" and not self.has_tie:
            return self.top > 2 and value in (self.top // 2, self.top // 2 + 1)
        return self.answer(value) == golden


SCALES: Final[dict[str, Scale]] = {
    scale.name: scale
    for scale in (
        Scale("three", 3, has_tie=True),
        Scale("two", 2, has_tie=False),
        Scale("five", 5, has_tie=True),
        Scale("eight", 8, has_tie=False),
    )
}


def winner_of(answer: Answer, left: Side) -> Winner:
    """Returns the stored winner of `answer` with the result `left` on the left."""
    if answer == "tie":
        return "tie"
    return left if answer == "left" else other(left)


def answer_of(winner: Winner, left: Side) -> Answer:
    """Reverses `winner_of`: returns the side of `winner` as shown."""
    if winner == "tie":
        return "tie"
    return "left" if winner == left else "right"


def other(side: Side) -> Side:
    """Returns the other side of a pair: y for x, x for y."""
    return "y" if side == "x" else "x"
