"""Measures of agreement: of people with one another, and of a judge with people. Pure functions.

Votes are coded by winner (1 for x, 0 for a tie, -1 for y), never by side. The 95% intervals leave out one prompt
at a time (jackknife). If all prompts give the same value there is no spread. That does not mean certainty, so there
is no interval. Degrees of freedom follow from the effective number of clusters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from ranking.methods.intervals import LEAST_DEGREES, effective
from ranking.methods.tally import Floats

type Integers = NDArray[np.integer]

VALUES: Final = (1, 0, -1)
"""x, tie, y: the columns of tables of counts."""

TIE: Final = 1

LEAST: Final = 1e-12
"""Range of the jackknife replicates below which they count as having no spread."""

MOST_PROMPTS: Final = 200
"""Number of prompts from which alpha has no interval, because each would have to be left out once."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """n verdicts on items (turns of pairs): codes from 0 on of items, raters and prompts, and the winner (1, 0, -1)."""

    item: Integers
    rater: Integers
    prompt: Integers
    value: Integers

    def where(self, mask: NDArray[np.bool_]) -> "Verdicts":
        return Verdicts(self.item[mask], self.rater[mask], self.prompt[mask], self.value[mask])

    def counts(self, items: int) -> Floats:
        """(items, 3) the number of verdicts for x, tie and y on each item."""
        cell = self.item * 3 + (1 - self.value)
        return np.bincount(cell, minlength=3 * items).reshape(items, 3).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Share:
    """A statistic with its interval and sample size; the value is None without data."""

    value: float | None
    low: float | None = None
    high: float | None = None
    number: int = 0
    error: float | None = None


@dataclass(frozen=True, slots=True)
class AmongPeople:
    """Agreement of people with one another.

    Attributes:
        with_ties: over all unordered pairs of votes on the same item.
        without_ties: the same, only if neither is a tie.
        plurality: each vote against the most common of the other votes on the item, if there is a single one.
        alpha_nominal, alpha_ordinal, alpha_interval: Krippendorff's alpha. x, tie and y are categories, an order, or
            equal steps.
    """

    with_ties: Share
    without_ties: Share
    plurality: Share
    alpha_nominal: Share
    alpha_ordinal: Share
    alpha_interval: Share
    items: int
    votes: int


@dataclass(frozen=True, slots=True)
class WithPeople:
    """Agreement of a judge with people, on items that both compared.

    Attributes:
        with_ties: every verdict of the judge against every vote of people; ties are a third category.
        without_ties: the same, only if neither is a tie.
        plurality: the judge against the most common vote, if there is a single one.
        plurality_without_ties: the same, only if neither is a tie.
        no_plurality: the number of items without a single most common vote, which are left out.
        strict_majority: the judge against the side with more than half of the votes that are not ties, if any.
        absolute_majority: the judge against what more than half of all votes say, ties included, if any.
        kappa, kappa_linear: Cohen's kappa between the judge and the plurality.
        correlation: Pearson's correlation of the judge's label with the mean label of people.
        correlation_single: the same with individual votes.
    """

    with_ties: Share
    without_ties: Share
    plurality: Share
    plurality_without_ties: Share
    no_plurality: int
    strict_majority: Share
    absolute_majority: Share
    kappa: Share
    kappa_linear: Share
    correlation: Share
    correlation_single: Share
    items: int
    votes: int


def among_people(verdicts: Verdicts) -> AmongPeople:
    """Computes the agreement of people with one another. Items with a single vote do not contribute."""
    items = _number(verdicts.item)
    counts = verdicts.counts(items)
    prompt = _prompt_of(verdicts, items)
    pairs = counts * (counts - 1) / 2
    total = counts.sum(axis=1)
    comparable = verdicts.where(total[verdicts.item] > 1)
    decided = total - counts[:, TIE]
    return AmongPeople(
        with_ties=ratio(pairs.sum(axis=1), total * (total - 1) / 2, prompt),
        without_ties=ratio(pairs[:, 0] + pairs[:, 2], decided * (decided - 1) / 2, prompt),
        plurality=_with_plurality_of_others(verdicts, counts),
        alpha_nominal=jackknife(lambda kept: alpha(comparable, kept, "nominal"), comparable.prompt),
        alpha_ordinal=jackknife(lambda kept: alpha(comparable, kept, "ordinal"), comparable.prompt),
        alpha_interval=jackknife(lambda kept: alpha(comparable, kept, "interval"), comparable.prompt),
        items=int((total > 1).sum()),
        votes=int(total[total > 1].sum()),
    )


def _with_plurality_of_others(verdicts: Verdicts, counts: Floats) -> Share:
    """Compares each vote with the plurality of the others on its item, so that no vote agrees with itself."""
    rows = np.arange(len(verdicts.item))
    others = counts[verdicts.item].copy()
    others[rows, 1 - verdicts.value] -= 1
    top = others.max(axis=1, initial=0)
    clear = (top > 0) & ((others == top[:, None]).sum(axis=1) == 1)
    same = clear & (others.argmax(axis=1) == 1 - verdicts.value)
    return ratio(same.astype(np.float64), clear.astype(np.float64), verdicts.prompt)


def with_people(judge: Verdicts, people: Verdicts) -> WithPeople:
    """Computes the agreement of a judge, with one verdict per item, and the people who voted on the items."""
    items = max(_number(judge.item), _number(people.item))
    counts = people.counts(items)
    label = np.full(items, 2)
    label[judge.item] = judge.value
    prompt = _prompt_of(people, items)
    both = (label < 2) & (counts.sum(axis=1) > 0)
    counts, label, prompt = counts[both], label[both], prompt[both]
    rows = np.arange(len(label))
    same, total = counts[rows, 1 - label], counts.sum(axis=1)
    decided = np.where(label == 0, 0, total - counts[:, TIE])
    top = counts.max(axis=1)
    clear = (counts == top[:, None]).sum(axis=1) == 1
    most = 1 - counts.argmax(axis=1)
    side = np.sign(counts[:, 0] - counts[:, 2]).astype(np.int64)
    strict, absolute = side != 0, top > total / 2
    neither_tie = clear & (label != 0) & (most != 0)
    mean = (counts[:, 0] - counts[:, 2]) / np.maximum(total, 1)
    square = (counts[:, 0] + counts[:, 2]) / np.maximum(total, 1)
    return WithPeople(
        with_ties=ratio(same, total, prompt),
        without_ties=ratio(np.where(label == 0, 0, same), decided, prompt),
        plurality=ratio((clear & (most == label)).astype(float), clear.astype(float), prompt),
        plurality_without_ties=ratio((neither_tie & (most == label)).astype(float), neither_tie.astype(float), prompt),
        no_plurality=int((~clear).sum()),
        strict_majority=ratio((strict & (side == label)).astype(float), strict.astype(float), prompt),
        absolute_majority=ratio((absolute & (most == label)).astype(float), absolute.astype(float), prompt),
        kappa=jackknife(lambda kept: kappa(confusion(label[clear][kept], most[clear][kept])), prompt[clear]),
        kappa_linear=jackknife(
            lambda kept: kappa(confusion(label[clear][kept], most[clear][kept]), linear=True), prompt[clear]
        ),
        correlation=jackknife(lambda kept: pearson(label[kept], mean[kept], mean[kept] ** 2, None), prompt),
        correlation_single=jackknife(lambda kept: pearson(label[kept], mean[kept], square[kept], total[kept]), prompt),
        items=len(label),
        votes=int(total.sum()),
    )


def leave_one_out(verdicts: Verdicts) -> dict[int, tuple[float, int]]:
    """Maps each rater to the share of others' votes on the same items that match, and the number of those votes."""
    counts = verdicts.counts(_number(verdicts.item))
    rows = np.arange(len(verdicts.item))
    others = counts[verdicts.item].copy()
    others[rows, 1 - verdicts.value] -= 1
    raters = _number(verdicts.rater)
    same = np.bincount(verdicts.rater, others[rows, 1 - verdicts.value], raters)
    total = np.bincount(verdicts.rater, others.sum(axis=1), raters)
    return {rater: (float(same[rater] / total[rater]), int(total[rater])) for rater in np.flatnonzero(total).tolist()}


def ratio(part: Floats, whole: Floats, cluster: Integers, *, floor: float = 0.0) -> Share:
    """Returns the sum of `part` over the sum of `whole`. The interval leaves out one cluster at a time.

    Each `part` is between `floor` times its `whole` and its `whole`. `floor` is 0 for a share, -1 for a difference.
    """
    number = _number(cluster)
    parts = np.bincount(cluster, part, number)
    wholes = np.bincount(cluster, whole, number)
    used = wholes > 0
    parts, wholes = parts[used], wholes[used]
    if not len(wholes):
        return Share(None)
    value = float(parts.sum() / wholes.sum())
    if len(wholes) < 2:
        return Share(value, number=round(float(wholes.sum())))
    without = (parts.sum() - parts) / (wholes.sum() - wholes)
    return _with_interval(value, without, round(float(wholes.sum())), degrees_of(wholes), floor)


def jackknife(statistic: Callable[[NDArray[np.bool_]], float | None], cluster: Integers) -> Share:
    """Returns `statistic` of all rows, with an interval from leaving out one cluster at a time."""
    value = statistic(np.ones(len(cluster), dtype=bool))
    found = np.unique(cluster)
    if value is None or len(found) < 2 or len(found) >= MOST_PROMPTS:
        return Share(value, number=len(cluster))
    without = [statistic(cluster != left_out) for left_out in found]
    if any(each is None for each in without):
        return Share(value, number=len(cluster))
    sizes = np.unique(cluster, return_counts=True)[1].astype(np.float64)
    return _with_interval(value, np.array(without, dtype=np.float64), len(cluster), degrees_of(sizes))


def degrees_of(wholes: Floats) -> float:
    """Returns the degrees of freedom of clusters with these weights (g,), as intervals of ratings have."""
    return max(LEAST_DEGREES, effective(wholes) - 1)


def _with_interval(value: float, without: Floats, number: int, degrees: float, floor: float = -1.0) -> Share:
    """Adds the interval, clipped to `floor` and 1. Without spread there is none."""
    if np.ptp(without) <= LEAST:
        return Share(value, number=number)
    clusters = len(without)
    error = float(np.sqrt((clusters - 1) / clusters * ((without - value) ** 2).sum()))
    reach = float(scipy.special.stdtrit(degrees, 0.975)) * error
    return Share(value, max(floor, value - reach), min(1.0, value + reach), number, error)


def alpha(
    verdicts: Verdicts, kept: NDArray[np.bool_], distance: Literal["nominal", "ordinal", "interval"]
) -> float | None:
    """Computes Krippendorff's alpha over the rows `kept` with evalica; None if nothing can be compared.

    Alpha does not depend on which rater gave a vote, so the matrix has as many rows as the most votes on any item.
    """
    item, value = verdicts.item[kept], verdicts.value[kept]
    order = np.argsort(item, kind="stable")
    item, value = item[order], value[order]
    values, first, number = np.unique(item, return_index=True, return_counts=True)
    if not len(values) or number.max() < 2 or len(np.unique(value)) < 2:
        return None
    place = np.arange(len(item)) - np.repeat(first, number)
    data = np.full((int(number.max()), len(values)), np.nan)
    data[place, np.repeat(np.arange(len(values)), number)] = value
    # Imported here because it takes 1.5 s, which most processes need not wait for.
    import evalica
    import pandas as pd

    found: float = evalica.alpha(pd.DataFrame(data), distance=distance).alpha
    return found if np.isfinite(found) else None


def confusion(one: Integers, other: Integers) -> Floats:
    """(3, 3) how often the first gives the row's value and the second the column's."""
    return np.bincount((1 - one) * 3 + (1 - other), minlength=9).reshape(3, 3).astype(np.float64)


def kappa(table: Floats, *, linear: bool = False) -> float | None:
    """Computes Cohen's kappa of a table of counts, unweighted or weighted by the distance between values."""
    total = table.sum()
    if not total:
        return None
    place = np.arange(len(table))
    weight = np.abs(place[:, None] - place) if linear else (place[:, None] != place).astype(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    against = float((weight * expected).sum())
    return None if against == 0 else 1 - float((weight * table).sum()) / against


def pearson(label: Integers, mean: Floats, square: Floats, weight: Floats | None) -> float | None:
    """Computes the correlation of labels with votes, given the mean and mean square of the votes on each item."""
    share = np.full(len(label), 1 / max(len(label), 1)) if weight is None else weight / weight.sum()
    x, y = float(share @ label), float(share @ mean)
    together = float(share @ (label * mean)) - x * y
    apart = (float(share @ label**2) - x * x) * (float(share @ square) - y * y)
    return None if apart <= 1e-15 else together / float(np.sqrt(apart))


def _number(codes: Integers) -> int:
    return int(codes.max(initial=-1)) + 1


def _prompt_of(verdicts: Verdicts, items: int) -> Integers:
    prompt = np.zeros(items, dtype=np.int64)
    prompt[verdicts.item] = verdicts.prompt
    return prompt
