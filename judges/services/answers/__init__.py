"""Answers from models: where a model is asked, and the runs that ask it."""

from judges.services.answers.runs import (
    cancel,
    finish,
    life,
    pause,
    plan,
    progress,
    resume,
    start,
    sweep,
    unfinished,
    work,
)
from judges.services.answers.sources import estimate_of, keep_source, set_budget, set_system_message, source_of

__all__ = [
    "cancel",
    "estimate_of",
    "finish",
    "keep_source",
    "life",
    "pause",
    "plan",
    "progress",
    "resume",
    "set_budget",
    "set_system_message",
    "source_of",
    "start",
    "sweep",
    "unfinished",
    "work",
]
