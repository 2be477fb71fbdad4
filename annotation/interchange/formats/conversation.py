"""Conversations as other tools write them: lists of messages with a role and a content, also as text in a cell."""

import ast
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from annotation.interchange.faults import shown
from annotation.interchange.llmfao import Wrong
from annotation.problems import gettext_noop

USER: Final = "user"
ASSISTANT: Final = "assistant"
SYSTEM: Final = "system"

ROLES: Final[Mapping[str, str]] = {
    "user": USER,
    "human": USER,
    "prompter": USER,
    "assistant": ASSISTANT,
    "gpt": ASSISTANT,
    "model": ASSISTANT,
    "bot": ASSISTANT,
    "system": SYSTEM,
    "developer": SYSTEM,
    "tool": "",
    "function": "",
}
"""Roles as tools call them; what a tool call gave back is not part of the conversation."""

BETWEEN: Final = "\n\n"
"""Between two messages of one role in a row, and between the parts of a message."""

THOUGHTS: Final = ("reasoning", "thinking", "redacted_thinking")
"""Parts of a message that its reader was not shown."""

PRINTED: Final = 2**20
"""Maximum characters of a text that is read as Python prints values, which takes a hundred times its memory."""

REPLACED: Final = str.maketrans({"\0": "\N{REPLACEMENT CHARACTER}"})


@dataclass(frozen=True, slots=True)
class Conversation:
    """The user's messages and the answers to them, as many; `system` is what was said before."""

    user: tuple[str, ...]
    answers: tuple[str, ...]
    system: str = ""


def storable(text: str) -> str:
    """Returns `text` with � for what no database takes: NUL and halves of surrogate pairs, which JSON in a cell may
    escape."""
    if "\0" in text:
        text = text.translate(REPLACED)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _finite(word: str) -> float | None:
    found = float(word)
    return found if math.isfinite(found) else None


# Numbers that are none, such as NaN, cannot be stored or written again.
_decoder: Final = json.JSONDecoder(strict=False, parse_constant=lambda _word: None, parse_float=_finite)


def parsed(value: Any) -> Any:
    """Returns the list or object that a text holds as JSON or as Python prints it; any other value as it is.

    CSV files of these layouts have such texts in their cells, and so have some Parquet files. NaN is null.

    Raises:
        Wrong: the text is neither.
    """
    if not isinstance(value, str):
        return value
    try:
        return _decoder.decode(value)
    except (ValueError, RecursionError):
        pass
    try:
        if len(value) <= PRINTED:
            # By way of JSON, which has neither bytes nor sets, and no infinite numbers.
            return json.loads(json.dumps(ast.literal_eval(value), allow_nan=False))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        pass
    raise Wrong(gettext_noop("Expected a list as JSON, not %(found)s."), found=shown(value))


def content(value: Any) -> str:
    """Reads the content of a message: a text, a list of typed parts, an object that holds the answer, or null.

    Images become Markdown, so that their addresses are seen; nothing is fetched.
    """
    match value:
        case None:
            return ""
        case str():
            return storable(value)
        case list():
            return BETWEEN.join(filter(None, map(_part, value)))
        case dict():
            for key in ("answer", "text", "content", "output"):
                if isinstance(value.get(key), str):
                    return storable(value[key])
    raise Wrong(gettext_noop("Expected text or a list of parts, not %(found)s."), found=shown(value))


def _part(part: Any) -> str:
    if part is None or isinstance(part, str):
        return content(part)
    if not isinstance(part, dict):
        raise Wrong(gettext_noop("Expected text or a list of parts, not %(found)s."), found=shown(part))
    if part.get("type") in THOUGHTS:
        return ""
    for key in ("text", "input_text", "output_text"):
        if isinstance(part.get(key), str):
            return storable(part[key])
    address = part.get("image") or part.get("image_url") or part.get("url")
    if isinstance(address, dict):
        address = address.get("url")
    if isinstance(address, str) and address and not set(address) & set(" ()<>\n\r\t"):
        return f"![image]({storable(address)})"
    kind = part.get("type")
    return f"[{storable(kind)}]" if isinstance(kind, str) and kind else ""


def conversation(value: Any) -> Conversation:
    """Reads a conversation that begins with the user; before that only system messages may stand.

    Messages of one role in a row are one. An answer that is missing is empty: the model said nothing.

    Raises:
        Wrong: it is not a list of messages, or a message has no known role or content.
    """
    found = parsed(value)
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise Wrong(gettext_noop("Expected a list of messages, not %(found)s."), found=shown(value))
    system: list[str] = []
    user: list[str] = []
    answers: list[list[str]] = []
    before = SYSTEM
    for message in found:
        role = _role(message)
        if not role:
            continue
        text = content(message.get("content", message.get("value")))
        if role == SYSTEM:
            system.append(text)
            continue
        if role == USER:
            if before == USER:
                user[-1] = BETWEEN.join((user[-1], text))
            else:
                user.append(text)
                answers.append([])
        elif not user:
            raise Wrong(gettext_noop("The conversation does not begin with a message of the user."))
        elif text:
            answers[-1].append(text)
        before = role
    if not user:
        raise Wrong(gettext_noop("The conversation has no message of the user."))
    return Conversation(tuple(user), tuple(BETWEEN.join(said) for said in answers), BETWEEN.join(filter(None, system)))


def _role(message: Mapping[str, Any]) -> str:
    said = message.get("role", message.get("from"))
    role = ROLES.get(said.lower()) if isinstance(said, str) else None
    if role is None:
        raise Wrong(gettext_noop("Expected the role user or assistant, not %(found)s."), found=shown(said))
    return role


def asked(value: Any) -> tuple[str, ...]:
    """Returns the user's turns of what a model was asked: a text, or messages, the last of which is the user's.

    Answers in between were given, not the model's: such a conversation becomes one text that says who spoke.
    """
    if isinstance(value, str):
        return (storable(value),)
    found = conversation(value)
    if len(found.user) == 1 and not found.answers[0]:
        return found.user
    turns = zip(found.user, found.answers, strict=True)
    spoken = [part for said, answer in turns for part in (f"User: {said}", f"Assistant: {answer}" if answer else "")]
    return (BETWEEN.join(filter(None, spoken)),)


def same_prompt(one: Conversation, other: Conversation) -> tuple[str, ...]:
    """Returns the user's turns that two conversations share; one of them may have ended earlier.

    Raises:
        Wrong: the user said different things in them.
    """
    longer, shorter = (one, other) if len(one.user) >= len(other.user) else (other, one)
    for turn, (said, also) in enumerate(zip(longer.user, shorter.user, strict=False), 1):
        if said != also:
            reason = gettext_noop("Message %(turn)s of the user is not the same in both conversations.")
            raise Wrong(reason, turn=str(turn))
    return longer.user


def padded(answers: Sequence[str], turns: int) -> tuple[str, ...]:
    """Returns as many answers as there are turns; those that are missing are empty."""
    return (*answers, *("" for _missing in range(turns - len(answers))))


def messages(user: Sequence[str], answers: Sequence[str]) -> list[dict[str, Any]]:
    """Returns a conversation as it is written: a message of the user and the answer for each turn."""
    return [
        {"role": role, "content": text}
        for said, answer in zip(user, answers, strict=True)
        for role, text in ((USER, said), (ASSISTANT, answer))
    ]
