"""Measures how consistent a judge's repeated verdicts are, with intervals. Pure.

Verdicts on the same pair (both orders, several turns) form a cluster and are not treated as independent. With one
verdict per cluster, the results are those for independent draws.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from judges.statistics.accuracy import wilson


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share in [0, 1], or a mean, of `of` verdicts, with its 95% interval."""

    value: float
    low: float
    high: float
    of: int


def share(hits: Sequence[bool], clusters: Sequence[Hashable]) -> Estimate | None:
    """Computes the share of `hits`, which are parallel to `clusters`; None if empty.

    Uses Wilson's interval with the effective number of verdicts: their number divided by the design effect of the
    clusters (Kish 1965). If all hits are equal, the number of clusters is used.
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
    """Computes the mean of `values` with Student's interval over the clusters; None if empty.

    With a single cluster the variance is unknown, so the interval is infinite.
    """
    if not values:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    value = float(numbers.mean())
    sums, groups = _of_clusters(numbers - value, clusters)
    if groups < 2:
        return Estimate(value, -math.inf, math.inf, len(values))
    deviation = math.sqrt(groups / (groups - 1) * float((sums**2).sum())) / len(values)
    half = float(scipy.special.stdtrit(groups - 1, 0.975)) * deviation
    return Estimate(value, value - half, value + half, len(values))


def _of_clusters(values: np.ndarray, clusters: Sequence[Hashable]) -> tuple[np.ndarray, int]:
    """Computes the sums of `values` by cluster, and the number of clusters."""
    places = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    sums = np.bincount([places[cluster] for cluster in clusters], weights=values)
    return sums, len(places)


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Computes Cohen's kappa of two passes over the same items; None if all verdicts are equal."""
    number = len(first)
    if not number:
        return None
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / number
    ones, others = Counter(first), Counter(second)
    expected = sum(count * others[label] for label, count in ones.items()) / number**2
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def weighted_kappa(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Computes kappa of two passes of scores with quadratic weights (Cohen 1968); None if the scores never vary."""
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not one.size:
        return None
    observed = float(((one - other) ** 2).mean())
    expected = float(one.var() + other.var() + (one.mean() - other.mean()) ** 2)
    return None if expected == 0 else 1 - observed / expected


def drawn(categories: Sequence[str], count: int, rng: np.random.Generator) -> list[int]:
    """Samples `count` items proportionally by category and returns their indices in ascending order.

    After whole shares, the rest goes to the largest remainders. Returns all items if there are no more than `count`.
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
