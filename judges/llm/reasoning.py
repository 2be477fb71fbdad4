"""What a model thought before it answered, kept apart from what it answered.

Endpoints give thoughts in a field of their own (`reasoning_content` of DeepSeek and vLLM, `reasoning` of
OpenRouter and newer vLLM, parts of the type `thinking` of Mistral), or leave them in the text between
`<think>` and `</think>`; some templates put the opening mark into the prompt, so that the text has the
closing one alone.
"""

import json
import re
from typing import Any, Final

OPENED: Final = re.compile(r"\s*<(think|thinking|thought|reasoning)>", re.IGNORECASE)
CLOSED: Final = re.compile(r"(?m)^[ \t]*</think>[ \t]*$")
"""A closing mark on a line of its own: one inside a sentence or a piece of code is part of an answer."""

FIELDS: Final = ("reasoning_content", "reasoning")


def parted(text: str) -> tuple[str, str]:
    """Thoughts and answer of a reply's `text`; an answer without thoughts is left as it is."""
    if opened := OPENED.match(text):
        rest = text[opened.end() :]
        closing = re.search(rf"</{opened[1]}>", rest, re.IGNORECASE)
        # Cut while it was thinking: there is no answer yet.
        thoughts, answer = (rest, "") if closing is None else (rest[: closing.start()], rest[closing.end() :])
        return thoughts.strip(), answer.strip()
    closing = CLOSED.search(text)
    if closing is not None and "<think>" not in text[: closing.start()]:
        return text[: closing.start()].strip(), text[closing.end() :].strip()
    return "", text


def beside(raw: str) -> str:
    """The thoughts that a chat completion, JSON, holds beside its text; empty where it holds none."""
    if "reasoning" not in raw and "thinking" not in raw:
        return ""
    try:
        message = json.loads(raw)["choices"][0]["message"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
    if not isinstance(message, dict):
        return ""
    found = next((message[name] for name in FIELDS if isinstance(message.get(name), str)), None)
    return _storable(_parts(message.get("content")) if found is None else found).strip()


def _parts(content: Any) -> str:
    if not isinstance(content, list):
        return ""
    thoughts = [part.get("thinking") for part in content if isinstance(part, dict) and part.get("type") == "thinking"]
    texts = [
        piece.get("text") if isinstance(piece, dict) else piece
        for thought in thoughts
        for piece in (thought if isinstance(thought, list) else [thought])
    ]
    return "".join(text for text in texts if isinstance(text, str))


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
