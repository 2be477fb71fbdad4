"""Reads preference files: a prompt, the answer known to be better, and the other one. No database.

JSONL with `prompt`, `chosen` and `rejected`, and optionally `subset` and `id`. A prompt is a text or a list of chat
messages ending with the user's; an answer is a text or a conversation that ends with it.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.llmfao import excerpt
from annotation.interchange.reading import Row, Source, rows
from annotation.problems import gettext_noop

type Message = dict[str, str]

ROLES: Final = ("system", "user", "assistant")
NAME_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Known:
    """A row; `turns` are messages ending with the user's."""

    number: int
    turns: tuple[Message, ...]
    chosen: str
    rejected: str
    name: str = ""
    subset: str = ""

    @property
    def prompt_sha256(self) -> str:
        return _digest(self.turns)

    @property
    def sha256(self) -> str:
        """SHA-256 of the content: rows that differ only in ID or subset are the same preference."""
        return _digest([self.turns, self.chosen, self.rejected])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest(rows: Sequence[Known]) -> str:
    """Returns the SHA-256 of a set: of its rows in order."""
    return _digest([[row.number, row.sha256, row.name, row.subset] for row in rows])


class _Wrong(Exception):
    def __init__(self, field: str, reason: str, value: Any = None) -> None:
        super().__init__(reason)
        self.field, self.reason, self.value = field, reason, value


def read(source: Source) -> Iterator[Known | Fault]:
    """Yields the rows of a file, or their errors."""
    for found in rows(source):
        if isinstance(found, Fault):
            yield found
            continue
        try:
            yield _known(found)
        except _Wrong as wrong:
            values = {"found": shown(wrong.value)}
            yield Fault(source.name, found.line, wrong.field, wrong.reason, values, excerpt(found.values))


def _known(row: Row) -> Known:
    values = row.values
    turns = _turns(values.get("prompt"))
    chosen, rejected = (_answer(field, values.get(field)) for field in ("chosen", "rejected"))
    if chosen == rejected:
        raise _Wrong("rejected", gettext_noop("Both answers are the same, so neither can be preferred."))
    return Known(row.line, turns, chosen, rejected, _word(values, "id"), _word(values, "subset"))


def _turns(found: Any) -> tuple[Message, ...]:
    messages = [{"role": "user", "content": found}] if isinstance(found, str) else _messages("prompt", found)
    if messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        raise _Wrong("prompt", gettext_noop("The prompt must end with a user message."), found)
    if next((each["role"] for each in messages if each["role"] != "system"), "") != "user":
        raise _Wrong("prompt", gettext_noop("The conversation must start with a user message."), found)
    return tuple(messages)


def _messages(field: str, found: Any) -> list[Message]:
    expected = gettext_noop("Expected text, or a list of messages with role and content, not %(found)s.")
    if not isinstance(found, list) or not found:
        raise _Wrong(field, expected, found)
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("content"), str) or each.get("role") not in ROLES:
            raise _Wrong(field, expected, found)
    return [{"role": each["role"], "content": each["content"]} for each in found]


def _answer(field: str, found: Any) -> str:
    if isinstance(found, str):
        return found
    last = _messages(field, found)[-1]
    if last["role"] != "assistant":
        raise _Wrong(field, gettext_noop("The conversation must end with an assistant message."), found)
    return last["content"]


def _word(values: Any, field: str) -> str:
    """Returns a short text, or a number as text; empty if missing."""
    found = values.get(field)
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int) or len(str(found)) > NAME_LENGTH:
        raise _Wrong(field, gettext_noop("Expected text of at most 200 characters, not %(found)s."), found)
    return str(found)


def spoken(turns: Sequence[Message]) -> tuple[list[str], list[str]]:
    """Returns the user's messages per turn, and the answers of all turns but the last.

    A system message is prepended to the user's next message; consecutive messages of one role are one turn.
    """
    said: list[str] = []
    answered: list[str] = []
    before: list[str] = []
    for each in turns:
        if each["role"] == "assistant":
            if len(answered) < len(said):
                answered.append(each["content"])
            else:
                answered[-1] += f"\n\n{each['content']}"
            continue
        before.append(each["content"])
        if each["role"] == "user":
            text = "\n\n".join(before)
            before = []
            if len(said) > len(answered):
                said[-1] += f"\n\n{text}"
            else:
                said.append(text)
    return said, answered
