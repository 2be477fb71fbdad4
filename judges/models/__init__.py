"""Models of judges, by subject."""

from judges.models.answers import (
    ANSWERED,
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSender,
    AnswerSource,
    AnswerState,
    SystemMessage,
)
from judges.models.benchmarks import (
    BenchmarkCall,
    BenchmarkReply,
    BenchmarkRun,
    BenchmarkSender,
    Preference,
    PreferenceEntry,
    PreferenceSet,
    Protocol,
    Shown,
)
from judges.models.call import JudgeCall, JudgeReply, Verdict
from judges.models.evolve import (
    Duplicate,
    EvolveCall,
    EvolvedPrompt,
    EvolveRecipe,
    EvolveReply,
    EvolveRun,
    EvolveSender,
    EvolveState,
    Review,
)
from judges.models.grades import Judgment, ReferenceAnswer, Remainder
from judges.models.judge import Judge, JudgeRater, JudgeVersion, Orders, Template
from judges.models.kept import GradeSheet, GradeTable
from judges.models.keys import StoredKey
from judges.models.panels import Panel, PanelDecision, PanelMember
from judges.models.probes import SentinelSet
from judges.models.run import JudgeRun, RunKind, Sender
from judges.models.schedules import Schedule, ScheduleKind
from judges.models.similarity import (
    SimilarityCall,
    SimilarityReply,
    SimilarityRun,
    SimilaritySender,
    SimilarityTable,
)
from judges.models.work import LIVE, NANOS, CallState, RunState, dollars

__all__ = [
    "ANSWERED",
    "LIVE",
    "NANOS",
    "AnswerCall",
    "AnswerReply",
    "AnswerRun",
    "AnswerSender",
    "AnswerSource",
    "AnswerState",
    "BenchmarkCall",
    "BenchmarkReply",
    "BenchmarkRun",
    "BenchmarkSender",
    "CallState",
    "Duplicate",
    "EvolveCall",
    "EvolveRecipe",
    "EvolveReply",
    "EvolveRun",
    "EvolveSender",
    "EvolveState",
    "EvolvedPrompt",
    "GradeSheet",
    "GradeTable",
    "Judge",
    "JudgeCall",
    "JudgeRater",
    "JudgeReply",
    "JudgeRun",
    "JudgeVersion",
    "Judgment",
    "Orders",
    "Panel",
    "PanelDecision",
    "PanelMember",
    "Preference",
    "PreferenceEntry",
    "PreferenceSet",
    "Protocol",
    "ReferenceAnswer",
    "Remainder",
    "Review",
    "RunKind",
    "RunState",
    "Schedule",
    "ScheduleKind",
    "Sender",
    "SentinelSet",
    "Shown",
    "SimilarityCall",
    "SimilarityReply",
    "SimilarityRun",
    "SimilaritySender",
    "SimilarityTable",
    "StoredKey",
    "SystemMessage",
    "Template",
    "Verdict",
    "dollars",
]
