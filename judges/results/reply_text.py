"""Extracts readable text from replies."""

from judges.formats.mt_bench import API_ERROR
from judges.llm import chat
from judges.models import JudgeReply


def words(raw: str) -> str:
    """Returns the model's text without the JSON around it; empty if there is no readable reply."""
    return chat.text_of(raw)


def words_or_error(reply: JudgeReply) -> str:
    """Returns the judge's text, or MT-bench's error marker if there is none."""
    return words(reply.raw) or API_ERROR
