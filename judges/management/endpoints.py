"""Command-line options for the endpoint of a judge or a model."""

import json
from argparse import ArgumentParser, ArgumentTypeError, _ArgumentGroup
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from judges.management.numbers import LEFT_OUT

EMPTIED: Final = {"token_limit": "automatic"}
"""Words that stand for a blank setting, by setting."""

LEFT_OUT_BY_NONE: Final = frozenset({"temperature", "top_p", "seed"})
"""Settings that `none` leaves out of requests."""


def json_object(word: str) -> dict[str, Any]:
    """Parses a JSON object."""
    try:
        found = json.loads(word)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ArgumentTypeError(_("%(word)s: expected a JSON object") % {"word": word[:100]})
    return found


def add_extras(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Adds the options for additional request fields and headers."""
    parser.add_argument(
        "--extra-body", type=json_object, metavar="JSON", help="Fields added to every request; {} for none."
    )
    parser.add_argument(
        "--extra-headers",
        type=json_object,
        metavar="JSON",
        help="Headers of every request; {key}, NAME_API_KEY and file:NAME stand for keys.",
    )


def settings_given(options: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Returns those of the settings `names` that were given."""
    found = {}
    for name in names:
        value = options.get(name, LEFT_OUT)
        if value is LEFT_OUT or (value is None and name not in LEFT_OUT_BY_NONE):
            continue
        found[name] = "" if name in EMPTIED and value == EMPTIED[name] else value
    return found
