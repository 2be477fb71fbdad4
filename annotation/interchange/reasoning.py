"""Separates what a model thought from what it answered, by one rule for answers and verdicts alike.

Models leave their thoughts in the text in three ways:

- between an opening and a closing mark such as `<think>` and `</think>`, first in the text or with lines of its own:
  the opening mark begins a line and the closing one ends a line;
- before a closing mark alone, because the prompt's template has the opening one. It counts only on a line of its own
  or first in the text: inside a sentence or code it belongs to the answer;
- in channels (`<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...`), of which
  the final one is the answer.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

_NAMES: Final = r"(?:seed:)?(?:think|thinking|thoughts?|reasoning)"

# Markdown makes code of a line that is indented by four.
_BEFORE: Final = r"(?m:^)[ \t]{0,3}"
_AFTER: Final = r"[ \t\r]*(?m:$)"
_BLANK: Final = "\\s\ufeff\u200b-\u200d\u2060"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


class _Marks:
    """One spelling of the marks, as patterns. `hint` is a quick test: a text without it has none of them."""

    def __init__(self, hint: str, opening: str, closing: str) -> None:
        self.hint = _pattern(hint)
        self.first = _pattern(rf"[{_BLANK}]*{opening}")
        self.first_closing = _pattern(rf"(?:[{_BLANK}]*{closing})+")
        self.either = _pattern(rf"(?P<opening>{opening})|{closing}")
        self.lone = _pattern(rf"{_BEFORE}{closing}{_AFTER}")
        self.lines = _pattern(rf"{_BEFORE}(?P<opening>{opening})|{closing}{_AFTER}")


_SPELLINGS: Final = (
    _Marks(rf"{_NAMES}[\s>]", rf"<{_NAMES}(?:\s[^<>\n]{{0,100}})?>", rf"</\s*{_NAMES}\s*>"),
    _Marks(r"THINK\]", r"\[THINK\]", r"\[/THINK\]"),
    _Marks("think▷", "◁think▷", "◁/think▷"),
    _Marks("_of_thought", r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    _Marks("_THINKING", r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
)
"""Those of DeepSeek, Qwen and most others; of Mistral; of Kimi; of Sky-T1; of Command A."""

_MESSAGE: Final = _pattern(r"<\|message\|>")
_CHANNEL: Final = _pattern(r"<\|channel\|>\s*(?P<name>\w+)[^<\n]{0,200}(?:<\|constrain\|>[^<\n]{0,200})?<\|message\|>")
_FIRST_CHANNEL: Final = _pattern(
    rf"[{_BLANK}]*(?:(?:<\|start\|>\s*assistant\s*)?<\|channel\|>|(?P<name>analysis|commentary|final)<\|message\|>)"
)
_HEADED: Final = _pattern(r"<\|start\|>\s*assistant\s*(?=<\|channel\|>)")
_END: Final = _pattern(r"<\|(?:end|return|call|start)\|>")
_MARKUP: Final = _pattern(
    r"<\|channel\|>\s*\w+[^<\n]{0,200}<\|message\|>|<\|end\|>|<\|start\|>\s*assistant"
    r"|\A\s*(?:analysis|commentary)<\|message\|>"
)

MOST_BLOCKS: Final = 20
"""Blocks of thoughts in one text; a text with more of them has no answer."""


def parted(text: str) -> tuple[str, str]:
    """Returns the thoughts and the answer in `text`; an answer without thoughts is returned unchanged.

    The answer is empty if the text ends among the thoughts.
    """
    spellings = [marks for marks in _SPELLINGS if marks.hint.search(text)]
    thoughts: list[str] = []
    answer = text
    # What is left is looked through again: some models think in several blocks.
    while (found := _cut(answer, spellings)) is not None:
        if len(thoughts) == MOST_BLOCKS:
            found = answer, ""
        thoughts.append(_MARKUP.sub("\n\n", found[0]).strip())
        answer = found[1]
    return ("\n\n".join(filter(None, thoughts)), answer.strip()) if answer != text else ("", text)


def said(answers: Iterable[str | None]) -> str:
    """Returns what an answer says in all of its turns, without thoughts: the same for identical answers."""
    return "\0".join(parted(answer or "")[1].strip() for answer in answers)


def _cut(text: str, spellings: Sequence[_Marks]) -> tuple[str, str] | None:
    """Returns the first thoughts in `text` and what is left without them; None if it has none."""
    if _MESSAGE.search(text) and (found := _cut_channels(text)):
        return found
    for marks in spellings:
        if found := _cut_first(text, marks):
            return found
    code = _code(text) if spellings else []
    for marks in spellings:
        if found := _cut_lines(text, marks, code):
            return found
    return None


def _cut_channels(text: str) -> tuple[str, str] | None:
    """Cuts everything but the final channel, up to its end."""
    code = _code(text)
    first = _FIRST_CHANNEL.match(text)
    if first is None and all(_inside(code, found.start()) for found in _HEADED.finditer(text)):
        return None
    channels = [found for found in _CHANNEL.finditer(text) if not _inside(code, found.start())]
    if first and first["name"]:
        channels.insert(0, first)
    final = next((found for found in reversed(channels) if found["name"].lower() == "final"), None)
    if final is None:
        return text, ""
    end = _END.search(text, final.end())
    return text[: final.start()], text[final.end() : end.start() if end else None]


def _cut_first(text: str, marks: _Marks) -> tuple[str, str] | None:
    """Cuts a block that the text starts with, or a closing mark; a block that is never closed reaches to the end."""
    if opened := marks.first.match(text):
        closing = _closing(marks.either.finditer(text, opened.end()))
        if closing is None:
            return text[opened.end() :], ""
        return text[opened.end() : closing.start()], text[closing.end() :]
    if closing := marks.first_closing.match(text):
        return "", text[closing.end() :]
    return None


def _cut_lines(text: str, marks: _Marks, code: Sequence[int]) -> tuple[str, str] | None:
    """Cuts a block that has lines of its own, or everything before a lone closing mark on one."""
    edges = (found for found in marks.lines.finditer(text) if not _inside(code, found.start()))
    opened = next((found for found in edges if found["opening"]), None)
    alone = next((found for found in marks.lone.finditer(text) if not _inside(code, found.start())), None)
    if alone and not any(found["opening"] for found in marks.either.finditer(text, 0, alone.start())):
        return text[: alone.start()], text[alone.end() :]
    closing = _closing(edges) if opened else None
    if opened is None or closing is None:
        return None
    return text[opened.end() : closing.start()], text[: opened.start()] + text[closing.end() :].lstrip()


def _closing(marks: Iterator[re.Match[str]]) -> re.Match[str] | None:
    """Returns the mark that closes a block: the one that balances its opening, else the last; None if there is none.

    Thoughts may hold blocks, and may mention an opening mark.
    """
    depth, last = 1, None
    for mark in marks:
        if mark["opening"]:
            depth += 1
            continue
        depth, last = depth - 1, mark
        if depth == 0:
            break
    return last


_FENCE: Final = re.compile(r"(?m)^[ ]{0,3}(`{3,}|~{3,})([^\n]*)$")


def _code(text: str) -> list[int]:
    """Returns the offsets at which fenced code starts and ends, in turn. A fence that is never closed is none."""
    edges: list[int] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1].startswith(opened[1]) and not fence[2].strip():
            edges += [opened.start(), fence.end()]
            opened = None
    return edges


def _inside(edges: Sequence[int], offset: int) -> bool:
    return bisect_right(edges, offset) % 2 == 1
