"""Command-line options for the endpoint of a judge or a model."""

from collections.abc import Collection, Mapping
from typing import Any

from judges.management.numbers import LEFT_OUT

EMPTIED = {"token_limit": "automatic"}
"""Words that stand for a blank setting, by setting."""


def settings_given(options: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Returns those of the settings `names` that were given; `none` is a setting that is not sent."""
    found = {}
    for name in names:
        value = options.get(name, LEFT_OUT)
        if value is LEFT_OUT or (value is None and name not in {"temperature", "top_p", "seed"}):
            continue
        found[name] = "" if name in EMPTIED and value == EMPTIED[name] else value
    return found
