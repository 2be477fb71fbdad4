"""Words and sentences of a text in any script, after Unicode Standard Annex 29. Pure.

Words are only counted, so the annex's default rules are enough, and the standard library knows what they need: an
ideograph or a Hiragana letter is a word, a run of Katakana is one, and so is a run of other letters and digits.
"""

import re
import unicodedata
from typing import Final

_EACH: Final = (
    # Han and Hiragana, then the scripts of South-East Asia: the default rules break after each of their letters.
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303c\u3041-\u3096\u309d-\u309f\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U0001b001-\U0001b11f\U00020000-\U0003ffff"
    "\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f\u104c-\u1055\u105a-\u108f\u1780-\u17dd\u1950-\u19af\u1a20-\u1a5f\uaa60-\uaadf"
)
_KATAKANA: Final = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_LETTER: Final = rf"(?:(?![{_EACH}{_KATAKANA}])\w)"
_WORD: Final = re.compile(
    rf"[{_EACH}]|[{_KATAKANA}]+"
    # Can't and example.com are one word, and so is 1,234.5.
    rf"|{_LETTER}+(?:(?:(?<=[^\W\d_])[.:'\u00b7\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a](?=[^\W\d_])"
    rf"|(?<=\d)[.,;'\u066c\u2018\u2019\u2024\ufe10\ufe14\ufe50\ufe54\uff07\uff0c\uff1b](?=\d)){_LETTER}+)*"
)

_CLOSING: Final = "\"'”’»)\\]}」』）】*_`"
_END: Final = re.compile(
    rf"[\r\n]+|[。！？｡।॥۔؟]+[{_CLOSING}]*|(?<=[.!?…])[{_CLOSING}]*\s+(?=[^\sa-z])",
)
_NUMBERED: Final = re.compile(r"\s*(?:\d{1,3}|[A-Za-z])\.\s+")
"""A full stop behind the number of a list's item ends no sentence."""


def words(text: str) -> int:
    """Returns the number of words in `text`: segments with a letter, an ideograph or a digit."""
    if not text.isascii():
        # Marks and format characters belong to the letter before them, and break nothing (rule WB4).
        text = "".join(letter for letter in text if unicodedata.category(letter) not in _IGNORED)
    return sum(1 for found in _WORD.finditer(text) if found[0].strip("_"))


_IGNORED: Final = frozenset({"Mn", "Mc", "Me", "Cf"})


def sentences(text: str) -> list[str]:
    """Returns the sentences of `text`, stripped; a line end also ends one. Those without a letter or digit are left
    out."""
    found, start = [], 0
    for end in _END.finditer(text):
        if not _NUMBERED.fullmatch(text, start, end.end()):
            found.append(text[start : end.end()])
            start = end.end()
    found.append(text[start:])
    return [part.strip() for part in found if any(map(str.isalnum, part))]
