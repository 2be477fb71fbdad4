"""Computes the report on agreement and biases of a study's raters, which the command prints and snapshots store."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from annotation.models import RaterKind, Study
from ranking.methods import board
from ranking.methods.logistic import NotConverged
from ranking.methods.ratings import points
from ranking.methods.settings import Settings, Source
from ranking.methods.tally import Votes
from ranking.statistics import agreement, bias
from ranking.statistics.agreement import Verdicts
from ranking.votes import reader
from ranking.votes.reader import PEOPLE, TURNS, Cut, Filters, Single, codes

type Report = dict[str, Any]

METHOD: Final = "agreement"
"""Value of Leaderboard.method for snapshots of this report."""

LEAST_OF_FAMILY: Final = 20
"""Minimum comparisons of an organisation's models with others for a statement about a preference for them."""


@dataclass(frozen=True, slots=True, eq=False)
class About:
    """Names and attributes of a study's models and prompts, by primary key."""

    models: dict[int, str]
    organisations: dict[int, str | None]
    categories: dict[int, str | None]
    workers: dict[int, int]
    crowds: list[int]

    @classmethod
    def of(cls, study: Study) -> "About":
        models = list(study.prompt_set.models.values_list("pk", "name", "org"))
        return cls(
            {pk: name for pk, name, _org in models},
            {pk: org for pk, _name, org in models},
            dict(study.prompt_set.prompts.values_list("pk", "type")),
            dict(study.workers.values_list("rater", "number")),
            list(study.raters.filter(kind=RaterKind.CROWD).values_list("pk", flat=True)),
        )


def report(study: Study, line: Cut) -> Report:
    """Computes agreement among people and of every judge with people, and the biases of each."""
    about = About.of(study)
    digest = hashlib.sha256()
    people = reader.single(study, Filters(PEOPLE), line)
    # Members of a crowd are not known, so two of its votes may be by the same person.
    known = people.where(~np.isin(people.rater, about.crowds))
    found: Report = {"people": _people(study, known, about), "judges": {}}
    for name in reader.judges(study):
        verdicts = reader.single(study, Filters(name), line)
        if not len(verdicts):
            # This judge was added after the cut.
            continue
        found["judges"][name] = _judge(study, verdicts, people, about)
        digest.update(verdicts.digest())
    digest.update(people.digest())
    found["digest"] = digest.hexdigest()
    return found


def _people(study: Study, people: Single, about: About) -> Report:
    if not len(people):
        return {"votes": 0}
    verdicts = _coded(people, people)
    raters = np.unique(people.rater)
    alone = agreement.leave_one_out(verdicts)
    return {
        "votes": len(people),
        "raters": len(raters),
        "pairs": len(np.unique(people.pair)),
        "prompts": len(np.unique(people.prompt)),
        "among": asdict(agreement.among_people(verdicts)),
        "by_category": _by(people, about, lambda part: asdict(agreement.among_people(_coded(part, part)))),
        "workers": {
            str(about.workers[int(raters[code])]): {"agreement": share, "number": number}
            for code, (share, number) in alone.items()
        },
        **_bias(study, people, codes(people.rater)),
    }


def _judge(study: Study, rows: Single, people: Single, about: About) -> Report:
    merged = reader.merged(rows)

    turns = np.unique(merged.turn).tolist()

    def with_people(part: Single) -> Report:
        theirs = people.where(np.isin(people.pair, part.pair))
        return asdict(agreement.with_people(*_coded_both(part, theirs)))

    return {
        "verdicts": len(rows),
        "pairs": len(np.unique(rows.pair)),
        "with_people": with_people(merged),
        "by_category": _by(merged, about, with_people),
        "by_turn": {str(turn): with_people(merged.where(merged.turn == turn)) for turn in turns if len(turns) > 1},
        "orders": asdict(bias.orders(*_asked(rows))),
        "repeated": asdict(bias.repeated(*_asked(rows))),
        "boards": side_by_side(reader.merged(rows, "drop"), people, about),
        "family": _families(merged, people, about),
        **_bias(study, rows, codes(rows.prompt)),
    }


def _asked(rows: Single) -> tuple[NDArray[np.int64], ...]:
    """Returns turn of a pair, side of x, winner and prompt of the rows with known sides."""
    seen = rows.where(rows.left != 0)
    return codes(seen.item), seen.left, seen.winner, codes(seen.prompt)


def _bias(study: Study, rows: Single, cluster: NDArray[np.int64]) -> Report:
    prompt = codes(rows.prompt)
    eight, placed = rows.value > 0, rows.left != 0
    return {
        "position": asdict(bias.position((rows.winner * rows.left)[placed], cluster[placed])),
        "scale": bias.histogram(rows.value[eight], 8) if eight.any() else None,
        "longer_wins": asdict(bias.longer_wins(rows.winner, reader.lengths(study, rows), prompt)),
    }


def _by(rows: Single, about: About, look: Callable[[Single], Report]) -> dict[str, Report]:
    """Applies `look` to the rows of each prompt category, if there are several."""
    category = np.array([about.categories[prompt] or "" for prompt in rows.prompt.tolist()])
    names = [name for name in np.unique(category).tolist() if name]
    return {name: look(rows.where(category == name)) for name in names} if len(names) > 1 else {}


def _families(judge: Single, people: Single, about: About) -> dict[str, Report]:
    """Maps each organisation to its models' difference in win rate, judge minus people, on shared items."""
    mine, theirs = _coded_both(judge, people)
    counts = theirs.counts(int(max(mine.item.max(initial=-1), theirs.item.max(initial=-1))) + 1)
    total = counts.sum(axis=1)[mine.item]
    both = total > 0
    rows, item = judge.where(both), mine.item[both]
    mean = (counts[item, 0] - counts[item, 2]) / total[both]
    organisations = sorted({org for org in about.organisations.values() if org})
    code = {pk: organisations.index(org) if org else -1 for pk, org in about.organisations.items()}
    x, y = (np.array([code[pk] for pk in side.tolist()], dtype=np.int64) for side in (rows.model_x, rows.model_y))
    shares = {
        org: bias.family(x, y, rows.winner, mean, codes(rows.prompt), place) for place, org in enumerate(organisations)
    }
    return {org: asdict(share) for org, share in shares.items() if share.number >= LEAST_OF_FAMILY}


def side_by_side(judge: Single, people: Single, about: About) -> Report:
    """Computes the boards of a judge and of people from the pairs that both compared, and their correlations.

    `prior` lists the sides on which some models only won or only lost, so that ratings need an assumption.
    """
    common = np.intersect1d(judge.item, people.item)
    boards, prior = [], []
    for rows, source in ((judge, "judge"), (people, "people")):
        placed, assumed = _points(rows.where(np.isin(rows.item, common)), about, cast(Source, source))
        boards.append(placed)
        if assumed:
            prior.append(source)
    names = sorted(boards[0].keys() & boards[1].keys())
    one, other = (np.array([found[name][0] for name in names]) for found in boards)
    return {
        "pairs": len(np.unique(common // TURNS)),
        "models": names,
        "judge": [boards[0][name] for name in names],
        "people": [boards[1][name] for name in names],
        "prior": prior,
        **correlations(one, other),
    }


def correlations(one: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, float | None]:
    """Returns Spearman's, Kendall's and Pearson's correlation of two boards of the same models."""
    from scipy import stats

    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return {"spearman": None, "kendall": None, "pearson": None}
    return {
        "spearman": float(stats.spearmanr(one, other).statistic),
        "kendall": float(stats.kendalltau(one, other).statistic),
        "pearson": float(stats.pearsonr(one, other).statistic),
    }


type Placed = tuple[float, float | None, float | None]
"""A rating in Elo points and the ends of its interval, or None."""


def _points(rows: Single, about: About, source: Source) -> tuple[dict[str, Placed], bool]:
    """Returns Bradley-Terry ratings of the largest connected group, by model name, and whether they needed a prior.

    The ratings are empty without comparisons.
    """
    if not len(rows):
        return {}, False
    models = np.unique(np.concatenate([rows.model_x, rows.model_y]))
    votes = Votes(
        tuple(about.models[model] for model in models.tolist()),
        np.searchsorted(models, rows.model_x),
        np.searchsorted(models, rows.model_y),
        rows.winner + 1,
        prompt=codes(rows.prompt),
        # The members of a crowd are not known, so no votes can be clustered by rater.
        rater=None if np.isin(rows.rater, about.crowds).any() else codes(rows.rater),
        importance=rows.weight,
        soft=rows.share,
    )
    try:
        ratings = board.rate(votes, Settings(), source).groups[0].ratings
    except NotConverged:
        return {}, False
    shown = points(ratings)
    ends = [[None] * len(ratings.names) if end is None else end.tolist() for end in (shown.low, shown.high)]
    placed = dict(zip(ratings.names, zip(shown.rating.tolist(), *ends, strict=True), strict=True))
    return placed, ratings.prior


def _coded(rows: Single, among: Single) -> Verdicts:
    return _coded_both(rows, among)[0]


def _coded_both(one: Single, other: Single) -> tuple[Verdicts, Verdicts]:
    """Converts both to verdicts with common codes for items and prompts."""
    item = codes(np.concatenate([one.item, other.item]))
    prompt = codes(np.concatenate([one.prompt, other.prompt]))
    cut = len(one)
    return (
        Verdicts(item[:cut], codes(one.rater), prompt[:cut], one.winner),
        Verdicts(item[cut:], codes(other.rater), prompt[cut:], other.winner),
    )


COLUMNS: Final = ("rater", "part", "statistic", "value", "low", "high", "number")
"""Columns of `lines`."""

type Line = tuple[str, str, str, float | None, float | None, float | None, int]
"""Rater, part (all, or a category or turn), statistic, value, low, high, number."""


def lines(found: Report) -> Iterator[Line]:
    """Yields the statistics of a report, one per line, in an order independent of the database."""
    for rater, part in (("people", found["people"]), *by_name(found["judges"])):
        yield from sorted(_lines(part, rater, "all", ""), key=_order)


def _order(line: Line) -> tuple[bool, str, int, str, str]:
    """Sorts totals before parts, and numeric parts by number."""
    kind, _blank, name = line[1].partition(" ")
    return line[1] != "all", kind, int(name) if name.isdecimal() else 0, name, line[2]


def by_name(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """Sorts the parts of a report by name, or by number if numeric. PostgreSQL does not keep the order of keys."""
    return sorted(found.items(), key=lambda item: (int(item[0]) if item[0].isdecimal() else 0, item[0]))


def _lines(part: Report, rater: str, scope: str, prefix: str) -> Iterator[Line]:
    for name, value in part.items():
        match value:
            case {"value": number, "low": low, "high": high, "number": over}:
                if over:
                    yield rater, scope, prefix + name, number, low, high, over
            case dict() if name in {"by_category", "by_turn"}:
                for key, inner in value.items():
                    yield from _lines(inner, rater, f"{name.removeprefix('by_')} {key}", "")
            case dict() if name == "workers":
                for number, told in value.items():
                    yield (
                        rater,
                        f"worker {number}",
                        "agreement with others",
                        told["agreement"],
                        None,
                        None,
                        told["number"],
                    )
            case dict():
                yield from _lines(value, rater, scope, f"{name}: " if name in {"family", "boards"} else prefix)
            case float() if name == "p":
                yield rater, scope, prefix + "no lean: p", value, None, None, part["number"]
            case float() if name in {"spearman", "kendall", "pearson"}:
                yield rater, scope, prefix + name, value, None, None, len(part["models"])
            case _:
                pass
