"""Reads FastChat's `judge_prompts.jsonl` as template sets.

Each row is one prompt: `name`, `type` (pairwise or single), `system_prompt`, `prompt_template` with `{question}` and
`{answer_a}`, and `output_format`. Prompts of one type and format become the parts of one set: those with several turns
apply to conversations, those with a reference answer to FastChat's categories with references.

The file is that of MT-bench (Zheng et al. 2023, https://arxiv.org/abs/2306.05685).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from annotation.problems import gettext_noop
from judges.prompting.templates import BadTemplate, Kind, Part, TemplateSet, check

WITH_REFERENCE: Final = ("math", "reasoning", "coding")
"""Categories that FastChat judges by a reference answer."""

KINDS: Final[Mapping[str, Kind]] = {"pairwise": "pair", "single": "single"}

_PLACE: Final = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_TURN: Final = re.compile(r"\{(question|answer_a|answer_b|answer|ref_answer)_([0-9])\}")
_ALONE: Final[Mapping[str, str]] = {
    "question": "prompt",
    "question_1": "prompt",
    "answer_a": "answer_a",
    "answer_b": "answer_b",
    "answer": "answer",
    "ref_answer": "reference",
    "ref_answer_1": "reference",
}
"""Places of prompts with one turn."""
_TALKS: Final[Mapping[str, str]] = {
    "answer_a": "conversation_a",
    "answer_b": "conversation_b",
    "answer": "conversation",
    "ref_answer": "references",
}
"""Places of conversations, by whose answers they have."""


@dataclass(slots=True)
class _Gathered:
    kind: Kind
    parts: list[Part] = field(default_factory=list)
    layout: dict[str, str] = field(default_factory=dict)


def from_jsonl(text: str) -> dict[str, TemplateSet]:
    """Returns the template sets in a file, checked: `pairs`, `scores` (pairs, two scores) and `grades`, as it has them.

    Raises:
        BadTemplate: a row is not a prompt, has an unknown place, or lays conversations out differently from another.
    """
    found: dict[str, _Gathered] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if line.strip():
            _gather(found, _row(line, number), str(number))
    if not found:
        raise BadTemplate(gettext_noop("A template set needs at least one part."))
    sets = {name: TemplateSet(each.kind, tuple(each.parts), {}, each.layout) for name, each in found.items()}
    for templates in sets.values():
        check(templates)
    return sets


def _row(line: str, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadTemplate(
            gettext_noop("Line %(line)s is not JSON: %(problem)s"), line=str(number), problem=str(error)
        ) from None
    if (
        not isinstance(row, dict)
        or row.get("type") not in KINDS
        or not all(isinstance(row.get(name, ""), str) for name in ("system_prompt", "prompt_template", "output_format"))
    ):
        raise BadTemplate(
            gettext_noop(
                "Line %(line)s is not a judge prompt. It needs a type (pairwise or single) and a prompt_template."
            ),
            line=str(number),
        )
    return row


def _gather(found: dict[str, _Gathered], row: Mapping[str, Any], line: str) -> None:
    """Adds the prompt in `row` to the set it belongs to."""
    kind = KINDS[row["type"]]
    name = "grades" if kind == "single" else "scores" if "," in row.get("output_format", "") else "pairs"
    gathered = found.setdefault(name, _Gathered(kind))
    user, layout = _with_conversations(row.get("prompt_template", ""), line)
    for place, turn in layout.items():
        if gathered.layout.setdefault(place, turn) != turn:
            raise BadTemplate(
                gettext_noop("Line %(line)s: the layout of the conversation differs from earlier lines."), line=line
            )
    # FastChat fills the user's message only.
    system = row.get("system_prompt", "").replace("$", "$$")
    part = Part(_named(user, line), system, turns="several" if layout else "")
    if part.shows_reference:
        part = Part(part.user, part.system, WITH_REFERENCE, part.turns)
    gathered.parts.append(part)


def _with_conversations(text: str, line: str) -> tuple[str, dict[str, str]]:
    """Replaces the two turns of each conversation by one place; returns the text and how a turn is laid out."""
    layout: dict[str, str] = {}
    pieces: list[str] = []
    turns = list(_TURN.finditer(text))
    done = 0
    # One turn alone is {ref_answer_1}; a conversation is {question_1}, {answer_1}, {question_2}, {answer_2}.
    while len(turns) >= 4 and _is_talk([turn.groups() for turn in turns[:4]]):
        first, answer, second, last = turns[:4]
        between = text[answer.end() : second.start()]
        head, middle = between.lstrip("\n"), text[first.end() : answer.start()]
        start = first.start() - len(head)
        if text[start : first.start()] != head or text[second.end() : last.start()] != middle:
            raise BadTemplate(gettext_noop("Line %(line)s: the two turns have different layouts."), line=line)
        speaker = answer[1]
        label = "references" if speaker == "ref_answer" else "conversation"
        turn = f"{_escaped(head)}$prompt{_escaped(middle)}$answer"
        if speaker in {"answer_a", "answer_b"}:
            turn = _of_either(turn, speaker[-1].upper())
        if layout.setdefault(label, turn) != turn:
            raise BadTemplate(gettext_noop("Line %(line)s: the two turns have different layouts."), line=line)
        pieces += [text[done:start], f"{{{_TALKS[speaker]}}}"]
        done, turns = last.end(), turns[4:]
    return "".join([*pieces, text[done:]]), layout


def _of_either(turn: str, letter: str) -> str:
    """Returns how a turn of assistant A or B is laid out, with a place for what tells the two apart.

    In translated prompts that is the letter alone: `### Asistent A:`, `### アシスタントA：`.
    """
    if (named := f"Assistant {letter}") in turn:
        return turn.replace(named, "$speaker")
    return re.sub(rf"(?<![A-Za-z$]){letter}(?![A-Za-z])", "${side}", turn)


def _is_talk(turns: list[tuple[str, ...]]) -> bool:
    (asked, one), (speaker, first), (again, two), (same, second) = turns
    return asked == again == "question" and speaker == same != "question" and (one, first, two, second) == tuple("1122")


def _escaped(text: str) -> str:
    return text.replace("$", "$$").replace("{{", "{").replace("}}", "}")


def _named(text: str, line: str) -> str:
    """Returns `text` with the places under their names here."""

    def place(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        name = match[1] if match[1] in _TALKS.values() else _ALONE.get(match[1])
        if name is None:
            raise BadTemplate(
                gettext_noop("Line %(line)s: {%(place)s} is not a known placeholder."), line=line, place=match[1]
            )
        return f"${{{name}}}"

    return _PLACE.sub(place, text.replace("$", "$$"))
