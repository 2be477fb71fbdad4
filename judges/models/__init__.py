"""What judges keep, by subject."""

from judges.models.call import CallState, JudgeCall, JudgeReply, Verdict
from judges.models.judge import NANOS, Judge, JudgeRater, JudgeVersion, Orders, Template, dollars
from judges.models.run import LIVE, JudgeRun, RunState, Sender

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
    "RunState",
    "Sender",
    "Template",
    "Verdict",
    "dollars",
]
