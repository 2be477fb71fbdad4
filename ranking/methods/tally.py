"""The input of every method, and the counts that most methods use.

`Votes` holds comparisons as arrays of integer codes. `Tally` holds their win and tie matrices, counted in one
pass. There are two kinds of weight: a *count* of c stands for c equal comparisons, an *importance* of w for one
comparison that counts w times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

type Codes = NDArray[np.integer]
type Floats = NDArray[np.float64]

Y_WON: Final = 0
TIE: Final = 1
X_WON: Final = 2

OUTCOMES: Final = {"left": X_WON, "tie": TIE, "right": Y_WON}
"""Half points of the left model by the word for who won."""

CODES: Final = frozenset({"x", "y", "prompt", "rater", "category"})
WIDE: Final = (np.dtype(np.int32), np.dtype(np.int64))
"""Types in which two codes can be combined in one number. Narrower ones overflow, unsigned ones become floats."""

CHUNK: Final = 1 << 16
"""Rows counted at a time, so that the data of one pass fits in the processor cache."""


class BadVotes(ValueError):
    """The arrays do not describe comparisons. The message says which one and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Immutable comparisons of models 0..m-1 in n rows.

    Attributes:
        names: the names of the m models.
        x, y: (n,) the two models of a row, never the same one.
        outcome: (n,) in half points of x: 2 where x won, 1 for a tie, 0 where y won.
        left: (n,) 1 where x was shown on the left, -1 where y was, 0 where the sides are unknown.
        prompt, rater, category: (n,) codes from 0 on; None if unknown.
        count: (n,) how many equal comparisons a row stands for; None: 1 each.
        importance: (n,) the weight of each of the row's comparisons; None: 1 each.
        style: (n, 4) how x's answer differs from y's in style; None if unknown.
        soft: (n,) x's share of the verdict in [0, 1], for raters that give shares; None: `outcome` applies.
        chance: (n,) the probability with which an adaptive design drew the two models, given the draws before; NaN
            where it had none. None: pairs were not chosen by what votes said.
        every_pair: whether each draw of an adaptive design could have been any pair of models.
    """

    names: tuple[str, ...]
    x: Codes
    y: Codes
    outcome: Codes
    left: Codes | None = None
    prompt: Codes | None = None
    rater: Codes | None = None
    category: Codes | None = None
    count: Codes | None = None
    importance: Floats | None = None
    soft: Floats | None = None
    style: Floats | None = None
    chance: Floats | None = None
    every_pair: bool = True

    @classmethod
    def of_names(
        cls,
        left: Sequence[str],
        right: Sequence[str],
        winner: Sequence[str],
        *,
        prompt: Sequence[str | int] | None = None,
        rater: Sequence[str | int] | None = None,
    ) -> Votes:
        """Returns n comparisons, one of each place in the sequences, with the models in alphabetical order.

        Args:
            left, right: the names of the models whose answers were shown on the left and on the right.
            winner: left, right or tie.
            prompt, rater: what identifies the prompt and who compared; None if unknown.

        Raises:
            BadVotes: a sequence is shorter than the others, a model is compared with itself, or a winner is another
                word.
        """
        parts: dict[str, Sequence[str | int] | None]
        parts = {"left": left, "right": right, "winner": winner, "prompt": prompt, "rater": rater}
        for name, part in parts.items():
            if part is not None and len(part) != len(left):
                raise BadVotes(f"{name} has {len(part)} entries, {len(left)} were expected")
        for word in winner:
            if word not in OUTCOMES:
                raise BadVotes(f"winner holds {word!r}, left, right or tie was expected")
        names = sorted({*left, *right})
        code = {name: number for number, name in enumerate(names)}
        for one, other in zip(left, right, strict=True):
            if one == other:
                raise BadVotes(f"{one!r} is compared with itself")
        return cls(
            names=tuple(names),
            x=np.array([code[name] for name in left], dtype=np.int64),
            y=np.array([code[name] for name in right], dtype=np.int64),
            outcome=np.array([OUTCOMES[word] for word in winner], dtype=np.int8),
            left=np.ones(len(left), dtype=np.int8),
            prompt=None if prompt is None else _codes(prompt),
            rater=None if rater is None else _codes(rater),
        )

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise BadVotes("two models have the same name")
        for name in ("x", "y", "outcome", "left", "prompt", "rater", "category", "count"):
            self._freeze(name, np.integer)
        for name in ("importance", "soft", "chance"):
            self._freeze(name, np.floating)
        if self.style is not None and (self.style.shape != (len(self.x), 4) or not np.isfinite(self.style).all()):
            raise BadVotes(f"style has shape {self.style.shape} or is not finite; {(len(self.x), 4)} was expected")
        if len(self.x):
            self._check()

    def _freeze(self, name: str, kind: type[np.integer | np.floating]) -> None:
        array = getattr(self, name)
        if array is None:
            return
        view = np.asarray(array).view()
        if view.shape != (len(self.x),):
            raise BadVotes(f"{name} has shape {view.shape}, {(len(self.x),)} was expected")
        if not np.issubdtype(view.dtype, kind):
            raise BadVotes(f"{name} holds {view.dtype}, {kind.__name__} was expected")
        if name in CODES and view.dtype not in WIDE:
            view = view.astype(np.int64)
        view.flags.writeable = False
        object.__setattr__(self, name, view)

    def _check(self) -> None:
        top = len(self.names)
        for name, low, high in (
            ("x", 0, top - 1),
            ("y", 0, top - 1),
            ("outcome", 0, 2),
            ("left", -1, 1),
            ("prompt", 0, None),
            ("rater", 0, None),
            ("category", 0, None),
            ("count", 0, None),
            ("importance", 0.0, None),
            ("soft", 0.0, 1.0),
        ):
            array = getattr(self, name)
            if array is None:
                continue
            # Written so that NaN, for which every comparison is false, is refused too.
            if not array.min() >= low or (high is not None and not array.max() <= high):
                raise BadVotes(f"{name} holds {array.min()} to {array.max()}, {low} to {high} was expected")
            if array.dtype.kind == "f" and not np.isfinite(array.max()):
                raise BadVotes(f"{name} is not finite")
        if self.chance is not None and not ((self.chance > 0) & (self.chance <= 1) | np.isnan(self.chance)).all():
            raise BadVotes("chance holds numbers outside (0, 1]")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def adaptive(self) -> bool:
        """Returns whether pairs were chosen by what the votes before said."""
        return self.chance is not None

    @property
    def total(self) -> int:
        """Returns the number of comparisons, taking counts into account."""
        return len(self) if self.count is None else int(self.count.sum())

    def where(self, mask: NDArray[np.bool_]) -> Votes:
        """Returns the rows selected by `mask` (n,), with the same models."""
        arrays: dict[str, Any] = {
            field.name: value[mask]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return replace(self, **arrays)

    def among(self, models: Codes) -> Votes:
        """Returns the comparisons among `models`, which become models 0, 1, ... in that order."""
        code = np.full(len(self.names), -1)
        code[models] = np.arange(len(models))
        within = self.where((code[self.x] >= 0) & (code[self.y] >= 0))
        names = tuple(self.names[model] for model in models)
        return replace(within, names=names, x=code[within.x], y=code[within.y])

    def score(self) -> Floats:
        """(n,) x's share of each verdict: 1, 1/2 or 0, or what `soft` says."""
        return self.outcome / 2.0 if self.soft is None else self.soft

    def weight(self) -> Floats:
        """(n,) the weight of each row: its count times its importance."""
        weight = np.ones(len(self)) if self.count is None else self.count.astype(np.float64)
        return weight if self.importance is None else weight * self.importance


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """The counts of comparisons between m models.

    Attributes:
        wins: (m, m) the weight of the comparisons that the row's model won against the column's.
        ties: (m, m) the weight of the ties between the two, the same above and below the diagonal.
        wins_squared, ties_squared: the same with squared importance, for the variance of a sum.
        won, tied: (m, m) the numbers of comparisons behind `wins` and `ties`.
    """

    wins: Floats
    ties: Floats
    wins_squared: Floats
    ties_squared: Floats
    won: Floats
    tied: Floats

    @property
    def games(self) -> Floats:
        """(m, m) the weight of all comparisons between two models."""
        return self.wins + self.wins.T + self.ties

    @property
    def compared(self) -> Floats:
        """(m, m) the number of comparisons between two models."""
        return self.won + self.won.T + self.tied


def _codes(things: Sequence[str | int]) -> Codes:
    """(n,) the things numbered 0, 1, ... in the order in which they come."""
    known: dict[str | int, int] = {}
    return np.array([known.setdefault(thing, len(known)) for thing in things], dtype=np.int64)


def tally(votes: Votes) -> Tally:
    """Counts wins and ties in one pass over the rows. A soft verdict is part of a win for each of its models.

    Raises:
        BadVotes: a row compares a model with itself.
    """
    number = _cells(votes, votes.count)
    if votes.importance is None:
        weight = square = number
    else:
        weight = _cells(votes, votes.weight())
        square = _cells(votes, votes.weight() * votes.importance)
    if np.trace(number.sum(axis=2)):
        raise BadVotes("a model is compared with itself")
    (wins, ties), (wins_squared, ties_squared), (won, tied) = (_fold(cells) for cells in (weight, square, number))
    if votes.soft is not None:
        wins, ties = _shared(votes), np.zeros_like(ties)
    return Tally(wins, ties, wins_squared, ties_squared, won, tied)


def _shared(votes: Votes) -> Floats:
    """(m, m) the weight that the row's model got of its comparisons with the column's."""
    size = len(votes.names)
    x, y = votes.x.astype(np.intp), votes.y.astype(np.intp)
    share, weight = votes.score(), votes.weight()
    points = np.bincount(x * size + y, weights=weight * share, minlength=size * size)
    points += np.bincount(y * size + x, weights=weight * (1 - share), minlength=size * size)
    return points.reshape(size, size)


def _cells(votes: Votes, weight: NDArray[np.number] | None) -> Floats:
    """(m, m, 3) the sum of `weight` over the rows of each x, y and outcome."""
    size = len(votes.names)
    bins = 3 * size * size
    chunk = max(CHUNK, bins)
    cells = np.zeros(bins)
    buffer = np.empty(min(chunk, max(len(votes), 1)), dtype=np.intp)
    for start in range(0, len(votes), chunk):
        rows = slice(start, start + chunk)
        code = buffer[: len(votes.x[rows])]
        np.multiply(votes.x[rows], size, out=code, casting="unsafe")
        code += votes.y[rows].astype(np.intp, copy=False)
        code *= 3
        code += votes.outcome[rows].astype(np.intp, copy=False)
        cells += np.bincount(code, weights=cast(Floats, None if weight is None else weight[rows]), minlength=bins)
    return cells.reshape(size, size, 3)


def _fold(cells: Floats) -> tuple[Floats, Floats]:
    """Combines the cells of x, y and of y, x into wins and ties."""
    wins = cells[:, :, X_WON] + cells[:, :, Y_WON].T
    ties = cells[:, :, TIE] + cells[:, :, TIE].T
    return wins, ties
