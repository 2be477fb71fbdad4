"""Words by which a reason may name a side of a pair, in English and Japanese. Pure.

Workers see either answer on the left. A reason that says “the second answer” is wrong for half of them, so it names
sides by the placeholders {x} and {y}, which become A and B as shown.
"""

import re
from typing import Final

PLACEHOLDER: Final = re.compile(r"\{[xy]\}")

_NOUN: Final = (
    r"(?:answer|one|response|reply|model|system|assistant|output|option|result|text|side|pane|column|version|"
    r"candidate|query|poem|haiku|summary|translation|story|code|program)s?"
)
_ENGLISH: Final = (
    # An A alone may be an article, and a B alone is a name; “right” alone is no side.
    rf"\b(?i:{_NOUN}) (?:A|B|1|2|X|Y|one|two)\b",
    r"\bA (?:is|was|has|does|did|gives|gave|says|said|answers|follows|followed)\b",
    r"\bB\b",
    rf"\b(?i:first|second|1st|2nd|left|right|left-hand|right-hand|former|latter) (?i:{_NOUN})\b",
    r"\b(?i:the (?:former|latter))\b",
    r"\b(?i:the (?:first|second|left|right) (?:is|was|has|does|did|gives|gave|says|said|answers|follows))\b",
    r"\b(?i:(?:on|to|at) the (?:left|right))\b",
)
_JAPANESE: Final = (
    r"[左右](?:側|の|は|が|も|を)",
    "前者|後者",
    r"[一二12１２](?:つ|番|個|件)目",
    r"(?:最初|第[一二12１２]|[一二]番)の?(?:回答|答え|応答|文|モデル|システム)",
    r"(?:回答|答え|応答|モデル|システム|出力|選択肢)\s*[ABXYＡＢ12１２①②]",
    r"[ＡＢ]",
    r"(?<![A-Za-z])[AB](?=[はがのもをにとで、。])",
)
_SIDE: Final = re.compile("|".join((*_ENGLISH, *_JAPANESE)))


def side_named(reason: str) -> str:
    """Returns the first words of `reason` that may name a side; empty if there are none."""
    found = _SIDE.search(PLACEHOLDER.sub("\N{OBJECT REPLACEMENT CHARACTER}", reason))
    return found[0] if found else ""
