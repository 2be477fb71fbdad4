"""Reads the thoughts that endpoints give beside the text of a reply.

They have a field of their own (`reasoning_content` of DeepSeek and vLLM, `reasoning` of OpenRouter and newer vLLM) or
are parts of a type such as `thinking` (Mistral) or `reasoning` (Databricks). For thoughts inside the text, see
`annotation.interchange.reasoning`.
"""

from typing import Any, Final

from judges.llm import replies

FIELDS: Final = ("reasoning_content", "reasoning")
HOLDERS: Final = ("thinking", "reasoning", "text", "summary")
"""What holds the text of a part that is a thought: itself, or a list of pieces."""


def beside(raw: str) -> str:
    """Returns the thoughts that a chat completion in JSON has beside its text; empty if it has none."""
    if "reasoning" not in raw and "thinking" not in raw:
        return ""
    try:
        message = replies.parse(raw)["choices"][0]["message"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
    if not isinstance(message, dict):
        return ""
    found = next((message[name] for name in FIELDS if isinstance(message.get(name), str)), None)
    return replies.storable(_parts(message.get("content")) if found is None else found).strip()


def _parts(content: Any) -> str:
    if not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, dict) and replies.is_thought(part)]
    thoughts = [next((part[name] for name in HOLDERS if part.get(name)), None) for part in parts]
    texts = [
        piece.get("text") if isinstance(piece, dict) else piece
        for thought in thoughts
        for piece in (thought if isinstance(thought, list) else [thought])
    ]
    return "".join(text for text in texts if isinstance(text, str))
