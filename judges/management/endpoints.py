"""Command-line options for the endpoint of a judge or a model."""

import json
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction, _ArgumentGroup
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from judges.management.numbers import LEFT_OUT, finite, money, or_none, whole
from judges.models.work import TokenLimit

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


def add_endpoint(parser: ArgumentParser) -> None:
    """Adds the options for the endpoint of a model that answers or writes prompts."""
    where = parser.add_argument_group("model endpoint (stored for next time)")
    where.add_argument(
        "--endpoint", help="For example https://api.example.com/v1, or the address that mock-llm prints."
    )
    where.add_argument("--api-id", help="Name of the model at the endpoint.")
    where.add_argument("--key", dest="key_source", help="API key: the environment variable NAME_API_KEY, or file:NAME.")
    where.add_argument("--org", help="Organisation of a model that this command adds.")
    where.add_argument("--top-p", type=or_none(finite), default=LEFT_OUT, metavar="P", help="none sends none.")
    where.add_argument("--max-tokens", type=int)
    where.add_argument(
        "--token-limit",
        choices=["automatic", *TokenLimit.values],
        help="Name of the token limit in requests; automatic finds it out.",
    )
    where.add_argument("--reasoning-effort", help='Such as low, medium or high; "" sends none.')
    add_extras(where)
    where.add_argument("--seed", type=or_none(whole), default=LEFT_OUT, help="none sends none.")
    where.add_argument("--timeout", type=finite, help="Seconds.")
    where.add_argument("--parallel", type=int, help="Maximum concurrent requests.")
    where.add_argument("--requests-per-minute", type=int)
    where.add_argument("--tokens-per-minute", type=int)
    where.add_argument("--price-in", type=money, help="US dollars per million input tokens.")
    where.add_argument("--price-out", type=money, help="US dollars per million output tokens.")
    where.add_argument(
        "--price-cached", type=money, help="US dollars per million cached input tokens; default: the input price."
    )
    where.add_argument(
        "--reported-cost",
        action=BooleanOptionalAction,
        help="Use the endpoint's own cost (usage.cost), which is in US dollars.",
    )
    where.add_argument("--budget", type=money, help="Total budget per model, in US dollars.")


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
