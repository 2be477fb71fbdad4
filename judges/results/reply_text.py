"""Replies as people read them."""

from judges.formats.mt_bench import API_ERROR
from judges.llm import chat
from judges.models import JudgeReply


def words(raw: str) -> str:
    """What the model said, without the JSON around it; empty where the reply cannot be read, or was none."""
    try:
        return chat.read_answer(raw).reply.text
    except chat.Trouble:
        return ""


def words_or_error(reply: JudgeReply) -> str:
    """What the judge wrote; MT-bench's mark of an error where nothing came."""
    return words(reply.raw) or API_ERROR
