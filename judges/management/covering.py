"""Command-line options for what a judge run covers."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from judges.judging.planning import AGAIN, Plan
from judges.management.numbers import count


def add_plan(parser: ArgumentParser) -> None:
    """Adds the arguments that `plan_of` reads."""
    parser.add_argument("--limit", type=count, help="Maximum number of pairs; always the same ones.")
    parser.add_argument("--both-orders", action="store_true", help="Ask about each pair twice, once in each order.")
    parser.add_argument("--baseline", default="", metavar="MODEL", help="Only pairs that contain this model.")
    parser.add_argument("--all-pairs", action="store_true", help="Include pairs outside the study's filters.")
    parser.add_argument(
        "--again", nargs="+", choices=AGAIN, default=["failed"], help="States to ask again; default: failed."
    )


def plan_of(options: Mapping[str, Any]) -> Plan:
    """Returns the plan that the parsed options describe."""
    return Plan(
        options["limit"],
        "both" if options["both_orders"] else "",
        options["baseline"],
        options["all_pairs"],
        tuple(options["again"]),
    )
