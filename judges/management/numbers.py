"""Numbers on the command line that say themselves what is wrong with them."""

import math
from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation
from typing import Final

from django.utils.translation import gettext as _

MOST: Final = 1_000_000_000
"""More than any study has pairs, and less than what a database cannot count to."""


def count(word: str) -> int:
    """How many of something, from 1 on."""
    try:
        number = int(word)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST:
        raise ArgumentTypeError(_("%(word)s: expected a whole number of 1 or more") % {"word": word})
    return number


def finite(word: str) -> float:
    """A number with or without a fraction: `nan` is none, and no comparison with a bound would find it out."""
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ArgumentTypeError(_("%(word)s: expected a number") % {"word": word})
    return number


def money(word: str) -> Decimal:
    """Dollars, from 0 on."""
    try:
        amount = Decimal(word)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise ArgumentTypeError(_("%(word)s: expected an amount in dollars, 0 or more") % {"word": word})
    return amount


def port(word: str) -> int:
    """A port to listen on; 0 is any that is free."""
    if not (word.isascii() and word.isdecimal() and len(word) < 6 and int(word) < 2**16):
        raise ArgumentTypeError(_("%(word)s: expected a port from 0 to 65535") % {"word": word})
    return int(word)
