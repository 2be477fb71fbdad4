"""How much a judge that was asked twice said the same, and how sure that is. Pure.

Several verdicts on one pair (its two orders, its turns) are one draw of a cluster: they are not taken for
independent. With one verdict a cluster everything is as for independent draws.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from judges.statistics.accuracy import wilson


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share in [0, 1], or a mean, of `of` verdicts, with its 95 % interval."""

    value: float
    low: float
    high: float
    of: int


def share(hits: Sequence[bool], clusters: Sequence[Hashable]) -> Estimate | None:
    """The share of `hits` (one for each verdict, of the cluster at the same place); None of none.

    Wilson's interval, with as many verdicts as independent ones would tell the same: their number over the
    design effect of the clusters (Kish 1965). Where all agree the clusters themselves are counted.
    """
    number = len(hits)
    if not number:
        return None
    values = np.asarray(hits, dtype=np.float64)
    value = float(values.mean())
    sums, groups = _of_clusters(values - value, clusters)
    independent = value * (1 - value) / number
    effect = number / groups
    if independent > 0 and groups > 1:
        effect = max(1.0, groups / (groups - 1) * float((sums**2).sum()) / number**2 / independent)
    return Estimate(value, *wilson(value, max(1.0, number / effect)), number)


def mean(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate | None:
    """The mean of `values`, with Student's interval over the clusters; None of none.

    From one cluster alone nothing can be said about its spread: the interval is without end.
    """
    if not values:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    value = float(numbers.mean())
    sums, groups = _of_clusters(numbers - value, clusters)
    if groups < 2:
        return Estimate(value, -math.inf, math.inf, len(values))
    deviation = math.sqrt(groups / (groups - 1) * float((sums**2).sum())) / len(values)
    half = float(stdtrit(groups - 1, 0.975)) * deviation
    return Estimate(value, value - half, value + half, len(values))


def _of_clusters(values: np.ndarray, clusters: Sequence[Hashable]) -> tuple[np.ndarray, int]:
    """The sums of `values` by cluster, and how many clusters there are."""
    places = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    sums = np.bincount([places[cluster] for cluster in clusters], weights=values)
    return sums, len(places)


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Cohen's kappa of two passes over the same things; None where both say one and the same of all."""
    number = len(first)
    if not number:
        return None
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / number
    ones, others = Counter(first), Counter(second)
    expected = sum(count * others[label] for label, count in ones.items()) / number**2
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def weighted_kappa(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Kappa of two passes of scores, with quadratic weights (Cohen 1968); None where both never vary."""
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not one.size:
        return None
    observed = float(((one - other) ** 2).mean())
    expected = float(one.var() + other.var() + (one.mean() - other.mean()) ** 2)
    return None if expected == 0 else 1 - observed / expected


def drawn(categories: Sequence[str], count: int, rng: np.random.Generator) -> list[int]:
    """The places of `count` things, drawn so that each category has its share of them; in rising order.

    What is left after whole shares goes to the largest remainders. All of them where there are no more.
    """
    if count >= len(categories):
        return list(range(len(categories)))
    by_category: dict[str, list[int]] = {}
    for place, category in enumerate(categories):
        by_category.setdefault(category, []).append(place)
    names = sorted(by_category)
    exact = [count * len(by_category[name]) / len(categories) for name in names]
    wanted = [math.floor(each) for each in exact]
    rest = sorted(range(len(names)), key=lambda at: (wanted[at] - exact[at], names[at]))
    for at in rest[: count - sum(wanted)]:
        wanted[at] += 1
    chosen = [
        by_category[name][int(at)]
        for name, number in zip(names, wanted, strict=True)
        for at in rng.choice(len(by_category[name]), number, replace=False)
    ]
    return sorted(chosen)
