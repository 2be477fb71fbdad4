"""Sentences that were stored in English with their values in them, told in the reader's language.

What goes wrong in the background is stored before anybody reads it, and read by people of several languages.
"""

import re
from collections.abc import Iterable
from functools import cache

from django.utils.translation import gettext

_PLACE = re.compile(r"%\((\w+)\)s")


def retold(text: str, messages: Iterable[str]) -> str:
    """`text` translated where it is one of `messages`, its %(name)s places filled; else as it is."""
    found = recognised(text, messages)
    return text if found is None else gettext(found[0]) % found[1]


def recognised(text: str, messages: Iterable[str]) -> tuple[str, dict[str, str]] | None:
    """Which of `messages` the text is, and what fills its %(name)s places; None where it is none of them."""
    for message in messages:
        if found := _shape(message).fullmatch(text):
            return message, found.groupdict()
    return None


@cache
def _shape(message: str) -> re.Pattern[str]:
    parts = _PLACE.split(message)
    shapes = [
        f"(?P<{part}>.*)" if number % 2 else re.escape(part.replace("%%", "%")) for number, part in enumerate(parts)
    ]
    return re.compile("".join(shapes), re.DOTALL)
