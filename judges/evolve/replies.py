"""Reads a new prompt from a model's reply, strictly: a reply in any other form is unreadable and never a prompt."""

from dataclasses import dataclass
from typing import Final

from annotation.problems import Problem
from judges import problems
from judges.evolve.scenarios import Form

LONGEST: Final = 100_000
"""Maximum characters of a new prompt, or of its answer."""

SHOWN: Final = 60
"""Characters of text outside the tags that the problem quotes."""


@dataclass(frozen=True, slots=True)
class Written:
    """A new prompt and its reference answer; the answer is empty if none was asked for."""

    text: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The reply is not in the form that was asked for, for the reason in `problem`."""

    problem: Problem


def read(reply: str, form: Form) -> Written | Unreadable:
    """Reads `reply`, without the model's thoughts: each tag of `form` once, in order, and nothing outside them."""
    texts: list[str] = []
    at = 0
    for tag in form.tags:
        opening, closing = f"<{tag}>", f"</{tag}>"
        if reply.count(opening) != 1 or reply.count(closing) != 1:
            return Unreadable(problems.NOT_ONE_TAG(tag=tag))
        start, end = reply.index(opening), reply.index(closing)
        if start < at or end < start:
            return Unreadable(problems.TAGS_OUT_OF_ORDER(tag=tag))
        if outside := reply[at:start].strip():
            return Unreadable(problems.TEXT_OUTSIDE_TAGS(text=outside[:SHOWN]))
        text = reply[start + len(opening) : end].replace("\r\n", "\n").strip()
        if not text:
            return Unreadable(problems.EMPTY_TAG(tag=tag))
        if len(text) > LONGEST:
            return Unreadable(problems.TOO_LONG_TO_READ(limit=LONGEST))
        texts.append(text)
        at = end + len(closing)
    if outside := reply[at:].strip():
        return Unreadable(problems.TEXT_OUTSIDE_TAGS(text=outside[:SHOWN]))
    return Written(*texts)
