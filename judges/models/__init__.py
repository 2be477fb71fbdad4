"""What judges keep, by subject."""

from judges.models.call import CallState, JudgeCall, JudgeReply, Verdict
from judges.models.judge import NANOS, Judge, JudgeRater, JudgeVersion, Orders, Template, dollars
from judges.models.probes import SentinelSet
from judges.models.run import LIVE, JudgeRun, RunKind, RunState, Sender
from judges.models.schedules import Schedule, ScheduleKind

__all__ = [
    "LIVE",
    "NANOS",
    "CallState",
    "Judge",
    "JudgeCall",
    "JudgeRater",
    "JudgeReply",
    "JudgeRun",
    "JudgeVersion",
    "Orders",
    "RunKind",
    "RunState",
    "Schedule",
    "ScheduleKind",
    "Sender",
    "SentinelSet",
    "Template",
    "Verdict",
    "dollars",
]
