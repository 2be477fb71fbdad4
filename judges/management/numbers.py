"""Argument types for numbers, with errors that say what was expected."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from django.utils.translation import gettext as _

from judges.llm import temperatures

MOST: Final = 1_000_000_000
"""Upper limit for counts: above any study's size and within a database integer."""


def count(word: str) -> int:
    """Parses a whole number of 1 or more."""
    try:
        number = int(word)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST:
        raise ArgumentTypeError(_("%(word)s: expected a whole number of 1 or more") % {"word": word})
    return number


def finite(word: str) -> float:
    """Parses a finite number. `nan` must be refused here, because comparisons with it are always false."""
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ArgumentTypeError(_("%(word)s: expected a number") % {"word": word})
    return number


LEFT_OUT: Final = object()
"""Default of options that accept `none`: the option was not given."""


def or_none[T](parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """Returns a parser that also accepts `none`, for a setting that is not sent."""

    def parsed(word: str) -> T | None:
        return None if word == "none" else parse(word)

    return parsed


def whole(word: str) -> int:
    """Parses a whole number."""
    try:
        return int(word)
    except ValueError:
        raise ArgumentTypeError(_("%(word)s: expected a whole number") % {"word": word}) from None


def money(word: str) -> Decimal:
    """Parses an amount in dollars, 0 or more."""
    try:
        amount = Decimal(word)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise ArgumentTypeError(_("%(word)s: expected an amount in dollars, 0 or more") % {"word": word})
    return amount


def port(word: str) -> int:
    """Parses a port to listen on; 0 means any free port."""
    if not (word.isascii() and word.isdecimal() and len(word) < 6 and int(word) < 2**16):
        raise ArgumentTypeError(_("%(word)s: expected a port from 0 to 65535") % {"word": word})
    return int(word)


def temperature(word: str) -> float | None:
    """Parses a temperature; `none` means that no temperature is sent."""
    if word == "none":
        return None
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value <= temperatures.MOST:
        raise ArgumentTypeError(f"{word}: expected a number from 0 to 2, or none")
    return value
