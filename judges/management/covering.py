"""What a run of a judge is to cover, as the command line says it."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from judges.judging.planning import AGAIN, Plan
from judges.management.numbers import count


def add_plan(parser: ArgumentParser) -> None:
    """The arguments that `plan_of` reads."""
    parser.add_argument("--limit", type=count, help="This many pairs at the most, always the same ones.")
    parser.add_argument("--both-orders", action="store_true", help="Each pair twice, with the sides swapped.")
    parser.add_argument("--baseline", default="", metavar="MODEL", help="Only pairs with this model.")
    parser.add_argument("--all-pairs", action="store_true", help="Those outside the study's filters too.")
    parser.add_argument(
        "--again", nargs="+", choices=AGAIN, default=["failed"], help="Asks anew what ended so; failed by default."
    )


def plan_of(options: Mapping[str, Any]) -> Plan:
    return Plan(
        options["limit"],
        "both" if options["both_orders"] else "",
        options["baseline"],
        options["all_pairs"],
        tuple(options["again"]),
    )
