"""How many votes adaptive pairs save: `make bench-sampling`.

Every strategy of `ranking.design` votes through the same simulated arenas as uniform pairs do, 200 times. "Votes to X"
is the number of votes at which the mean over repetitions first reaches X; the quartiles are those of the first crossing
of each repetition by itself. Ratings are those of a Bradley-Terry model with a weak normal prior, for every strategy.

Arenas: battles simulated from the Bradley-Terry fit of a file of battles, with each pair's share of ties; a replay of
the file's own outcomes, drawn with replacement within a pair of models; 30 models of normal strength; the first again
with effects of prompts and with careless workers. Then a model that is new among 19, and maximum discrepancy against
as many prompts chosen at random.
"""

import argparse
import csv
import gzip
import html
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy

from annotation.pairing import mad
from ranking.design import draws
from ranking.design.belief import Belief

type Mix = Mapping[str, float]
type Limits = Mapping[tuple[str, str, float], float]
"""At most this share of uniform's votes, by strategy ("best" is the best of all), measure and goal."""

FILE: Final = Path(__file__).parents[2] / "shared" / "data" / "battles" / "arena-battles-20-models.csv.gz"
FIGURES: Final = Path(__file__).parents[1] / "docs" / "screenshots"
STEP: Final = 50
"""Votes between two looks, and the size of a batch."""
UNIFORM: Final[Mix] = {draws.UNIFORM: 1.0}
STRATEGIES: Final[Mapping[str, Mix]] = {
    "uniform": UNIFORM,
    "default": draws.DEFAULT,
    "gap": {draws.UNIFORM: 0.2, "gap": 0.8},
    "d-optimal": {draws.UNIFORM: 0.2, "d-optimal": 0.8},
}
AS_IN_THE_FILE: Final = "as in the file"
"""Pairs as often as the file has them, whatever is known of the models."""
MEASURES: Final = ("tau", "pearson", "top five")
GOALS: Final = (("tau", 0.8), ("tau", 0.9), ("pearson", 0.99), ("top five", 0.8))


@dataclass(frozen=True)
class Arena:
    """Models, and how often each beats each.

    Attributes:
        truth: (m,) the strengths, as log-odds.
        win, tie: (m, m) the chances that i beats j, and of a tie, of a careful worker.
        most: votes of one repetition.
        prompt: standard deviation of a prompt's effect on a model, as log-odds; 0 is no effect.
        careless: share of votes that say any of the three.
        often: (m, m) how often the file has each pair of models, where there is one.
    """

    name: str
    truth: np.ndarray
    win: np.ndarray
    tie: np.ndarray
    most: int
    prompt: float = 0.0
    prompts: int = 100
    careless: float = 0.0
    often: np.ndarray | None = None
    limits: Limits = field(default_factory=dict)


def davidson(odds: np.ndarray, nu: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Chances of a win and of a tie; nu of 0.8 is about two ties in seven between equals."""
    up, down = np.exp(odds / 2), np.exp(-odds / 2)
    total = up + down + nu
    return up / total, nu / total


@cache
def counts(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """(m, m) people's wins of i over j in the file, and ties."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [(row["model_a"], row["model_b"], row["winner_human"]) for row in csv.DictReader(lines)]
    place = {name: index for index, name in enumerate(sorted({name for row in rows for name in row[:2]}))}
    wins, ties = np.zeros((2, len(place), len(place)))
    for a, b, winner in rows:
        i, j = place[a], place[b]
        if winner == "model_a":
            wins[i, j] += 1
        elif winner == "model_b":
            wins[j, i] += 1
        else:
            ties[i, j] += 1
            ties[j, i] += 1
    return wins, ties


def replay(file: Path) -> Arena:
    """The file's own outcomes: a vote on two models is one of theirs, drawn with replacement."""
    wins, ties = counts(file)
    often = wins + wins.T + ties
    seen = np.maximum(often, 1)
    limits = {("default", "tau", 0.8): 1.05, ("default", "tau", 0.9): 0.75, ("default", "pearson", 0.99): 0.75}
    truth = Belief.of(wins + ties / 2, ridge=1e-6).theta
    return Arena("replay of the file", truth, wins / seen, ties / seen, 9000, often=often, limits=limits)


def simulated(file: Path) -> Arena:
    """Battles as the Bradley-Terry model has them, fitted to the file, with each pair's share of ties."""
    seen = replay(file)
    share = scipy.special.expit(seen.truth[:, None] - seen.truth)
    tie = np.minimum(seen.tie, 2 * np.minimum(share, 1 - share))
    limits = {
        ("default", "tau", 0.8): 0.85,
        ("default", "tau", 0.9): 0.80,
        ("default", "pearson", 0.99): 0.95,
        ("default", "top five", 0.8): 0.95,
        ("best", "tau", 0.9): 0.75,
        ("best", "top five", 0.8): 0.75,
    }
    return replace(seen, name="battles simulated", win=share - tie / 2, tie=tie, most=5000, limits=limits)


def thirty() -> Arena:
    """30 models of normal strength."""
    truth = np.random.default_rng(30).normal(0, 0.67, 30)
    limits = {("gap", "tau", 0.9): 0.85, ("default", "tau", 0.9): 0.90}
    return Arena("30 models", truth - truth.mean(), *davidson(truth[:, None] - truth), 9000, limits=limits)


def disturbed(file: Path) -> Arena:
    """The simulated battles with effects of prompts, and with every fifth vote careless."""
    return replace(
        simulated(file), name="prompts, careless", prompt=0.8, careless=0.2, most=9000, limits={}, often=None
    )


@dataclass
class Study:
    """One study while it runs: `wins` (m, m) is how often i beat j, a tie as half for each."""

    arena: Arena
    rng: np.random.Generator

    def __post_init__(self) -> None:
        size = len(self.arena.truth)
        self.wins = np.zeros((size, size))
        self.room = np.full((size, size), 10**6)
        self.effects = self.rng.normal(0, self.arena.prompt, (self.arena.prompts, size))

    def cast(self, i: np.ndarray, j: np.ndarray) -> None:
        """Adds a vote on each i and j."""
        if self.arena.prompt:
            prompt = self.rng.integers(len(self.effects), size=len(i))
            shift = self.effects[prompt, i] - self.effects[prompt, j]
            win, tie = davidson(self.arena.truth[i] - self.arena.truth[j] + shift)
        else:
            win, tie = self.arena.win[i, j], self.arena.tie[i, j]
        careless = self.rng.random(len(i)) < self.arena.careless
        win, tie = np.where(careless, 1 / 3, win), np.where(careless, 1 / 3, tie)
        drawn = self.rng.random(len(i))
        points = np.where(drawn < win, 1.0, np.where(drawn < win + tie, 0.5, 0.0))
        np.add.at(self.wins, (i, j), points)
        np.add.at(self.wins, (j, i), 1 - points)

    def draw(self, size: int, mix: Mix, newcomers: frozenset[int] = frozenset()) -> None:
        """Draws pairs by `mix`, from what is known so far, and adds a vote on each."""
        belief = Belief.of(self.wins)
        drawn = draws.batch(belief, self.room, size, self.rng, mix=mix, newcomers=newcomers)
        self.cast(np.array([draw.i for draw in drawn]), np.array([draw.j for draw in drawn]))


def looks(arena: Arena, strategy: str, seed: int) -> np.ndarray:
    """(looks, 3) at every STEP votes: Kendall's tau with the truth, Pearson's correlation, whether the top five are."""
    # The same seeds for every strategy would not give the same votes; the name keeps them apart.
    rng = np.random.default_rng([seed, *strategy.encode()])
    study = Study(arena, rng)
    size = len(arena.truth)
    i, j = np.triu_indices(size, 1)
    upright = np.sign(arena.truth[i] - arena.truth[j])
    best = set(np.argsort(-arena.truth)[:5])
    found = []
    for cast in range(0, arena.most, STEP):
        if strategy == AS_IN_THE_FILE:
            assert arena.often is not None
            pick = rng.choice(len(i), STEP, p=arena.often[i, j] / arena.often[i, j].sum())
            study.cast(i[pick], j[pick])
        else:
            study.draw(STEP, STRATEGIES[strategy] if 2 * cast >= draws.FIRST * size else UNIFORM)
        found.append(measured(arena, Belief.of(study.wins).theta, i, j, upright, best))
    return np.array(found)


def measured(
    arena: Arena, theta: np.ndarray, i: np.ndarray, j: np.ndarray, upright: np.ndarray, best: set[int]
) -> tuple[float, float, float]:
    tau = float(np.mean(upright * np.sign(theta[i] - theta[j])))
    return tau, float(np.corrcoef(theta, arena.truth)[0, 1]), float(set(np.argsort(-theta)[:5]) == best)


def crossings(found: np.ndarray, goal: float) -> tuple[float, np.ndarray]:
    """The votes at which the mean of (repetitions, looks) first reaches `goal`, and quartiles of single crossings."""

    def first(reached: np.ndarray) -> float:
        return (int(np.argmax(reached)) + 1) * STEP if reached.any() else np.inf

    single = [first(each >= goal) for each in found]
    return first(found.mean(axis=0) >= goal), np.quantile(single, (0.25, 0.75), method="nearest")


def verdict(held: bool) -> str:
    return "held" if held else "MISSED"


def votes(number: float) -> str:
    return "never" if np.isinf(number) else f"{number:,.0f}"


def compare(pool: ProcessPoolExecutor, arena: Arena, repetitions: int) -> int:
    """Prints the table of an arena and draws its figure; returns how many limits are missed."""
    strategies = [*STRATEGIES, *([AS_IN_THE_FILE] if arena.often is not None else [])]
    print(
        f"\n{arena.name}: {len(arena.truth)} models. Votes (quartiles of single repetitions) and their share of "
        "uniform's; * has a limit."
    )
    print(f"{'strategy':<16}" + "".join(f"{f'{measure} {goal}':>30}" for measure, goal in GOALS), flush=True)
    needed: dict[tuple[str, str, float], float] = {}
    curves = {}
    for strategy in strategies:
        work = partial(looks, arena, strategy)
        found = np.array(list(pool.map(work, range(repetitions), chunksize=max(repetitions // 32, 1))))
        curves[strategy] = found[:, :, 0].mean(axis=0)
        line = ""
        for measure, goal in GOALS:
            mean, (low, high) = crossings(found[:, :, MEASURES.index(measure)], goal)
            needed[strategy, measure, goal] = mean
            share = mean / needed["uniform", measure, goal]
            mark = "*" if (strategy, measure, goal) in arena.limits else " "
            line += f"{f'{votes(mean)} ({votes(low)}-{votes(high)}) {share:.2f}{mark}':>30}"
        print(f"{strategy:<16}{line}", flush=True)
    missed = 0
    for (strategy, measure, goal), limit in arena.limits.items():
        rivals = [name for name in STRATEGIES if name != "uniform"] if strategy == "best" else [strategy]
        share = min(needed[rival, measure, goal] for rival in rivals) / needed["uniform", measure, goal]
        held = share <= limit
        missed += not held
        print(f"  {strategy}, {measure} {goal}: {share:.2f} of uniform's, at most {limit}: {verdict(bool(held))}")
    if arena.name.startswith("replay"):
        settled = limit_of_uniform(arena)
        print(
            f"  Votes without end on uniform pairs reach tau {settled:.3f} with the file's own ranking. Most of this\n"
            "  gain is the design of pairs under misfit: the frequencies alone, which look at no vote, have most "
            "of it."
        )
    write_figure(arena, curves)
    return missed


def limit_of_uniform(arena: Arena) -> float:
    """Kendall's tau between the file's ranking and that of infinitely many votes on uniform pairs."""
    theta = Belief.of(1e6 * (arena.win + arena.tie / 2)).theta
    return float(scipy.stats.kendalltau(theta, arena.truth).statistic)


def newcomer(file: Path, seed: int) -> float:
    """Votes of a new model over those of the median old one, once its rating is as sure as theirs.

    The old ones have 3,000 votes on uniform pairs. A rating is a model's distance from the mean of all.
    """
    arena = simulated(file)
    size = len(arena.truth)
    rng = np.random.default_rng([seed, 99])
    new = int(rng.integers(size))
    study = Study(arena, rng)
    study.room[new] = study.room[:, new] = 0
    for _batch in range(60):
        study.draw(STEP, UNIFORM)
    study.room[:] = 10**6
    old = np.arange(size) != new
    met = np.median((study.wins + study.wins.T).sum(axis=1)[old])
    centre = np.eye(size) - 1 / size
    while True:
        error = np.diag(centre @ Belief.of(study.wins).covariance @ centre)
        if error[new] <= np.median(error[old]):
            return float((study.wins + study.wins.T).sum(axis=1)[new] / met)
        study.draw(10, {draws.UNIFORM: 0.2, "newcomer": 0.8}, frozenset({new}))


LONGEST_NEWCOMER: Final = 1.1


def newcomers(pool: ProcessPoolExecutor, file: Path, repetitions: int) -> int:
    found = np.array(list(pool.map(partial(newcomer, file), range(repetitions), chunksize=4)))
    low, median, high = np.quantile(found, (0.25, 0.5, 0.75))
    held = median <= LONGEST_NEWCOMER
    print(
        f"\nA newcomer to 19 models is as sure as the median old one after {median:.2f} ({low:.2f}-{high:.2f}) times "
        f"that one's votes, at most {LONGEST_NEWCOMER}: {verdict(bool(held))}",
        flush=True,
    )
    return int(not held)


@dataclass(frozen=True)
class Alike:
    """A simulated similarity of answers: `weight` of it tells how far apart their qualities are, the rest is noise."""

    name: str
    weight: float


SIMILARITIES: Final = (
    Alike("tells how far apart they are", 0.8),
    Alike("tells half of it", 0.5),
    Alike("tells nothing", 0.0),
)


def discrepancy(arena: Arena, alike: Alike, prompts: int, top: int, seed: int) -> tuple[float, float, float, float]:
    """Tau and Pearson's correlation of the ratings from `top` prompts a pair: least similar first, then at random."""
    rng = np.random.default_rng([seed, 7])
    size = len(arena.truth)
    quality = arena.truth + rng.normal(0, 0.8, (prompts, size))
    found: list[float] = []
    wins = {name: np.zeros((size, size)) for name in ("mad", "random")}
    for i, j in combinations(range(size), 2):
        apart = np.abs(quality[:, i] - quality[:, j])
        noise = rng.normal(0, apart.std(), prompts)
        similarity = -(alike.weight * apart + (1 - alike.weight) * noise)
        chosen = {"mad": mad.choose(similarity, top=top), "random": rng.choice(prompts, top, replace=False)}
        for name, rows in chosen.items():
            win, tie = davidson(quality[rows, i] - quality[rows, j])
            drawn = rng.random(len(rows))
            points = np.where(drawn < win, 1.0, np.where(drawn < win + tie, 0.5, 0.0)).sum()
            wins[name][i, j] += points
            wins[name][j, i] += len(rows) - points
    for name in ("mad", "random"):
        theta = Belief.of(wins[name]).theta
        found += [
            float(scipy.stats.kendalltau(theta, arena.truth).statistic),
            float(np.corrcoef(theta, arena.truth)[0, 1]),
        ]
    return found[0], found[1], found[2], found[3]


def discrepancies(pool: ProcessPoolExecutor, file: Path, repetitions: int) -> None:
    print("\nMaximum discrepancy against as many prompts at random: 10 of 200 a pair of models, one vote each.")
    print(
        f"{'models':<20}{'similarity':<32}{'tau MAD':>10}{'random':>10}{'Pearson MAD':>14}{'random':>10}"
        f"{'MAD ahead in':>16}"
    )
    truth = np.random.default_rng(7).normal(0, 0.67, 7)
    seven = Arena("7 models", truth, *davidson(truth[:, None] - truth), 0)
    for arena in (seven, simulated(file)):
        for alike in SIMILARITIES:
            work = partial(discrepancy, arena, alike, 200, 10)
            tau, pearson, tau_random, pearson_random = np.array(list(pool.map(work, range(repetitions), chunksize=8))).T
            ahead = 100 * float(np.mean((tau > tau_random) + 0.5 * (tau == tau_random)))
            print(
                f"{arena.name:<20}{alike.name:<32}{np.median(tau):>10.3f}{np.median(tau_random):>10.3f}"
                f"{np.median(pearson):>14.3f}{np.median(pearson_random):>10.3f}{ahead:>14.0f} %",
                flush=True,
            )


LONGEST_BATCH: Final = 0.5


def batch_of_a_thousand() -> int:
    """Prints the median time of five batches of 1,000 draws over 100 models; returns 1 if it is too long."""
    rng = np.random.default_rng(100)
    truth = rng.normal(0, 0.67, 100)
    study = Study(Arena("100 models", truth, *davidson(truth[:, None] - truth), 0), rng)
    study.draw(1000, UNIFORM)
    belief = Belief.of(study.wins)
    took = []
    for _repetition in range(5):
        begun = time.perf_counter()
        draws.batch(belief, study.room, 1000, rng)
        took.append(time.perf_counter() - begun)
    held = np.median(took) <= LONGEST_BATCH
    print(
        f"\n1,000 draws from the 4,950 pairs of 100 models: {np.median(took):.2f} s, "
        f"at most {LONGEST_BATCH}: {verdict(bool(held))}"
    )
    return int(not held)


COLOURS: Final = ("#666666", "#0b6e4f", "#b5460f", "#3b5bdb", "#9c36b5")


def write_figure(arena: Arena, curves: Mapping[str, np.ndarray]) -> None:
    """Writes the mean tau against votes, a line a strategy, as SVG beside the pictures of the docs."""
    wide, high, left, bottom, low = 640, 360, 56, 40, 0.4

    def place(cast: float, tau: float) -> str:
        x = left + (wide - left - 16) * cast / arena.most
        return f"{x:.1f},{16 + (high - bottom - 16) * (1 - max(tau - low, 0) / (1 - low)):.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">',
        f"<title>{html.escape(arena.name)}: mean Kendall's tau against votes</title>",
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
    ]
    for tau in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        x, y = place(0, tau).split(",")
        lines.append(
            f'<path d="M{x} {y}H{wide - 16}" stroke="#dddddd"/>'
            f'<text x="{left - 8}" y="{float(y) + 4}" text-anchor="end">{tau}</text>'
        )
    for cast in np.linspace(0, arena.most, 6)[1:]:
        x, y = place(cast, low).split(",")
        lines.append(f'<text x="{x}" y="{float(y) + 18}" text-anchor="middle">{cast:,.0f}</text>')
    for colour, (strategy, curve) in zip(COLOURS, curves.items(), strict=False):
        points = " ".join(place((look + 1) * STEP, tau) for look, tau in enumerate(curve))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = 200 + 18 * list(curves).index(strategy)
        lines.append(
            f'<path d="M440 {at}h24" stroke="{colour}" stroke-width="2"/><text x="472" y="{at + 4}">{strategy}</text>'
        )
    lines.append(f'<text x="{wide / 2}" y="{high - 6}" text-anchor="middle">votes</text></svg>\n')
    name = arena.name.replace(",", "").replace(" ", "-")
    (FIGURES / f"sampling-{name}.svg").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--battles", type=Path, default=FILE, help="battles with people's votes, as gzipped CSV")
    parser.add_argument("--only", choices=["simulated", "replay", "thirty", "disturbed", "newcomer", "mad", "speed"])
    options = parser.parse_args()
    file, repetitions = options.battles, options.repetitions
    print(
        f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    )
    print(f"{repetitions} repetitions, with the seeds 0 to {repetitions - 1}.")
    missed = 0
    with ProcessPoolExecutor(options.processes) as pool:
        arenas: Mapping[str, Callable[[], Arena]] = {
            "simulated": partial(simulated, file),
            "replay": partial(replay, file),
            "thirty": thirty,
            "disturbed": partial(disturbed, file),
        }
        for name, arena in arenas.items():
            if options.only in {None, name}:
                missed += compare(pool, arena(), repetitions)
        if options.only in {None, "newcomer"}:
            missed += newcomers(pool, file, repetitions)
        if options.only in {None, "mad"}:
            discrepancies(pool, file, repetitions)
    if options.only in {None, "speed"}:
        missed += batch_of_a_thousand()
    sys.exit(f"{missed} limits missed." if missed else 0)


if __name__ == "__main__":
    main()
