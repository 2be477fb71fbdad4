"""The writing direction of a text."""

import re
import unicodedata
from typing import Final, Literal

type Direction = Literal["ltr", "rtl", "auto"]

_RTL_LANGUAGES: Final = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ji", "ps", "sd", "syr", "ug", "ur", "yi"}
)
_RTL_SCRIPTS: Final = frozenset({"adlm", "arab", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa"})
_RTL_LETTER: Final = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
_CHARACTERS_READ: Final = 4000
_LETTERS_READ: Final = 1000


def direction(lang: str, text: str) -> Direction:
    """Returns the value of `dir` for `text` in the language `lang` (a BCP 47 tag, or empty).

    All letters decide, not only the first: an Arabic answer that starts with “Python” is still Arabic. In a
    right-to-left language a fifth of such letters is enough, because code and formulas are Latin; an answer in
    English is still left to right. A text without letters follows its language; without a language, the
    browser decides.
    """
    expected = _of_language(lang)
    text = text[:_CHARACTERS_READ]
    # Fast path for nearly every text.
    if not has_rtl_letters(text):
        return "ltr" if any(map(str.isalpha, text)) else expected
    right, left = _letters(text)
    if not right and not left:
        return expected
    threshold = 0.2 if expected == "rtl" else 0.5
    return "rtl" if right > threshold * (right + left) else "ltr"


def has_rtl_letters(text: str) -> bool:
    """Returns whether `text` has a character of a right-to-left script."""
    return not text.isascii() and _RTL_LETTER.search(text) is not None


def _letters(text: str) -> tuple[int, int]:
    """Counts the right-to-left and the left-to-right letters at the start of `text`."""
    right = left = 0
    for character in text:
        match unicodedata.bidirectional(character):
            case "R" | "AL":
                right += 1
            case "L":
                left += 1
            case _:
                continue
        if right + left == _LETTERS_READ:
            break
    return right, left


def _of_language(lang: str) -> Direction:
    if not lang:
        return "auto"
    language, *subtags = lang.lower().replace("_", "-").split("-")
    scripts = [subtag for subtag in subtags if len(subtag) == 4 and subtag.isalpha()]
    if scripts:
        return "rtl" if scripts[0] in _RTL_SCRIPTS else "ltr"
    return "rtl" if language in _RTL_LANGUAGES else "ltr"
