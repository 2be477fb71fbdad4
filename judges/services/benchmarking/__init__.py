"""Benchmarks of judges: sets of preferences kept, questions planned, asked like any other call, and counted."""

from judges.services.benchmarking.planning import Estimate, Terms, estimate
from judges.services.benchmarking.reports import COLUMNS, MACRO, MICRO, Report, as_json, lines, report
from judges.services.benchmarking.runs import cancel, life, pause, progress, resume, runs_of, start, sweep, work
from judges.services.benchmarking.sets import Faulty, keep, keep_from

__all__ = [
    "COLUMNS",
    "MACRO",
    "MICRO",
    "Estimate",
    "Faulty",
    "Report",
    "Terms",
    "as_json",
    "cancel",
    "estimate",
    "keep",
    "keep_from",
    "life",
    "lines",
    "pause",
    "progress",
    "report",
    "resume",
    "runs_of",
    "start",
    "sweep",
    "work",
]
