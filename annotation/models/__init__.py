"""The tables of studies: corpus, pairs, raters, comparisons, and runs in the background."""

from annotation.models.battles import BattleRow
from annotation.models.corpus import LanguageModel, Prompt, PromptSet, PromptSetReader, Result, ResultFlag
from annotation.models.draw import Draw, DrawBatch
from annotation.models.erasure import ErasedId, Erasure, ErasureCause
from annotation.models.exits import Exit, Outcome
from annotation.models.export import Export, ExportState
from annotation.models.pair import Pair, Purpose
from annotation.models.pair_run import PairRun, PairRunState
from annotation.models.study import GoalKind, Offering, Status, Study
from annotation.models.study_texts import StudyText, TextKind
from annotation.models.upload import Upload, UploadState
from annotation.models.voting import (
    Assignment,
    AssignmentState,
    Comparison,
    Rater,
    RaterKind,
    Report,
    SideChoice,
    TieKind,
    TrainingAnswer,
    WinnerChoice,
    Worker,
)

__all__ = [
    "Assignment",
    "AssignmentState",
    "BattleRow",
    "Comparison",
    "Draw",
    "DrawBatch",
    "ErasedId",
    "Erasure",
    "ErasureCause",
    "Exit",
    "Export",
    "ExportState",
    "GoalKind",
    "LanguageModel",
    "Offering",
    "Outcome",
    "Pair",
    "PairRun",
    "PairRunState",
    "Prompt",
    "PromptSet",
    "PromptSetReader",
    "Purpose",
    "Rater",
    "RaterKind",
    "Report",
    "Result",
    "ResultFlag",
    "SideChoice",
    "Status",
    "Study",
    "StudyText",
    "TextKind",
    "TieKind",
    "TrainingAnswer",
    "Upload",
    "UploadState",
    "WinnerChoice",
    "Worker",
]
