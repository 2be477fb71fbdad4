"""Options of commands that read files: what somebody can say of files whose content leaves it open."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from annotation.importing.proposals import Choice
from annotation.interchange.reading import MOST_WEIGHT, STRONG_WEIGHT, Reading, encodings
from annotation.interchange.registry import FORMATS


def add(parser: ArgumentParser) -> None:
    """Adds the options to `parser`."""
    parser.add_argument(
        "--format",
        choices=sorted(FORMATS),
        default="",
        help="format of the files (default: the one that fits their content)",
    )
    parser.add_argument(
        "--kind", default="", help="kind of the files, such as training, if their content leaves it open"
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        default="",
        help="the model whose answers the files contain, or the baseline of judgments that do not name it",
    )
    parser.add_argument(
        "--strong-weight",
        type=float,
        metavar="NUMBER",
        default=STRONG_WEIGHT,
        help="the weight of a strong verdict, such as A>>B in files of Arena-Hard (default: 3)",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        default="",
        help=f"encoding of the files: {', '.join(encodings.NAMES)} (default: found out)",
    )
    parser.add_argument(
        "--separator",
        metavar="CHARACTER",
        default="",
        help="what separates the cells of CSV files (default: found out)",
    )
    parser.add_argument("--sheet", metavar="NAME", default="", help="the sheet of .xlsx files (default: the first one)")
    parser.add_argument(
        "--column",
        metavar="THEIRS=OURS",
        action="append",
        default=[],
        help="the field that a column of the files is, such as Answer=response; can be repeated",
    )


def choice(options: dict[str, Any]) -> Choice:
    """Returns what the options say of every file.

    Raises:
        CommandError: a column is not given as THEIRS=OURS, or the weight is not valid.
    """
    columns = {}
    for each in options["column"]:
        theirs, equals, ours = each.rpartition("=")
        if not equals or not theirs or not ours:
            raise CommandError(_("Give a column as THEIRS=OURS, not %(found)s.") % {"found": each})
        columns[theirs] = ours
    separator, weight = _separator(options["separator"]), options["strong_weight"]
    if not 0 < weight <= MOST_WEIGHT:
        raise CommandError(_("Give a weight above 0 and of at most %(most)s.") % {"most": MOST_WEIGHT})
    reading = Reading(options["encoding"], separator, options["sheet"], columns, weight)
    return Choice(options["format"], options["kind"], reading, options["model"])


def _separator(said: str) -> str:
    """Returns the character that a separator is; a tab is hard to type."""
    return "\t" if said in {"tab", "\\t"} else said
