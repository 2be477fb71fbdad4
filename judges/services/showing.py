"""Replies as people read them."""

from judges import chat


def words(raw: str) -> str:
    """What the model said, without the JSON around it; empty where the reply cannot be read, or was none."""
    try:
        return chat.read_answer(raw).reply.text
    except chat.Trouble:
        return ""
