"""Options of commands that compute a board: how comparisons are read, the method and its intervals."""

import math
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from ranking.methods.intervals import CLUSTERS, CORRECTIONS
from ranking.methods.registry import METHODS
from ranking.methods.settings import INTERVALS, REDRAWS, TIES, Settings
from ranking.votes.reader import Filters

FILTERS: Final = tuple(field.name for field in fields(Filters))
SETTINGS: Final = tuple(field.name for field in fields(Settings))


def add_reading(parser: ArgumentParser) -> None:
    """Adds the options that say how contradictory verdicts are read, and which prompts count."""
    parser.add_argument("--category", metavar="TYPE", help="only prompts in this category")
    parser.add_argument(
        "--inconsistent",
        choices=["drop", "tie"],
        help="how contradictory verdicts of a judge count (default: drop)",
    )


def add_settings(parser: ArgumentParser) -> None:
    """Adds the options of a board's settings."""
    parser.add_argument(
        "--method", choices=METHODS, help="ranking method (default: bradley-terry, or davidson with --ties model)"
    )
    parser.add_argument(
        "--ties", choices=TIES, help="how ties count: half a win each, left out, or modelled (davidson)"
    )
    parser.add_argument("--intervals", choices=INTERVALS, help="kind of intervals (default: sandwich)")
    parser.add_argument(
        "--clusters", choices=CLUSTERS, help="what clusters the votes: prompt, rater (worker), both or neither"
    )
    parser.add_argument("--correction", choices=CORRECTIONS, help="correction of sandwich intervals (default: CR3)")
    parser.add_argument("--simultaneous", action="store_true", help="rank ranges for all models at once")
    parser.add_argument("--anchor", type=anchor, metavar="MODEL=VALUE", help="fix the rating of one model")
    parser.add_argument("--first-place", action="store_true", help="estimate position bias")
    parser.add_argument("--rounds", type=int, help="number of bootstrap rounds (default: 1000)")
    parser.add_argument("--redraw", choices=REDRAWS, help="whether elo-bootstrap reorders or resamples the votes")
    parser.add_argument("--baseline", metavar="MODEL", help="the model that baseline-win-rate compares with")
    parser.add_argument("--k", type=float, help="Elo: points per unit of surprise (default: 4)")
    parser.add_argument("--start", type=float, help="Elo: rating that every model starts from (default: 1000)")
    parser.add_argument("--scale", type=float, help="Elo: lead that means odds of 10 to 1 (default: 400)")
    parser.add_argument("--seed", type=int, help="seed of the random draws (default: 0)")


def add_output(parser: ArgumentParser) -> None:
    """Adds the options that choose how a board is printed."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--covariance", action="store_true", help="add the covariance of the ratings (requires --json)")


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of filters and settings that were given.

    They are compared with None and False rather than tested for truth, because --seed 0 counts as given.
    """
    asked = {name: options.get(name) for name in (*FILTERS, *SETTINGS)}
    return {name: value for name, value in asked.items() if value is not None and value is not False}


def filters_and_settings(told: Mapping[str, Any]) -> tuple[Filters, Settings]:
    """Returns the filters and settings that the options in `told` mean.

    Raises:
        Contradiction: the settings exclude one another.
    """
    wanted = {name: value for name, value in told.items() if name in SETTINGS}
    if told.get("ties") == "model":
        wanted.setdefault("method", "davidson")
    return Filters(**{name: value for name, value in told.items() if name in FILTERS}), Settings(**wanted)


def anchor(text: str) -> tuple[str, float]:
    """Parses `NAME=RATING` into a model name and a rating. Raises ValueError unless the rating is finite."""
    name, mark, value = text.rpartition("=")
    number = float(value)
    if not mark or not math.isfinite(number):
        raise ValueError(text)
    return name, number
