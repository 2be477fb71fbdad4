"""Checks rows of files against a study and its prompt set: which are new, already stored or wrong.

An `Intake` runs twice over the same files. Without a `Sink` it only checks, outside any transaction. With a
sink, inside the transaction of `importing.load`, it checks again against the current rows and stores the new
ones. Both runs use the same code, so that they cannot differ.

Memory holds numbers and digests of the rows that others refer to, and at most one batch of texts.

An intake delegates to three importers, `corpus`, `pairs` and `comparisons`. Each knows the stored rows of its
subject and what the files have added; a later one uses those before it.
"""

from annotation.importing.rows.batches import Batch, Sink
from annotation.importing.rows.comparisons import NO_SUCH_TURN, Judged, shift_taken
from annotation.importing.rows.errors import Passed, Refused, Repeated
from annotation.importing.rows.importer import Counts, Intake, Repeats
from annotation.importing.rows.known_rows import Known, KnownPair

__all__ = [
    "NO_SUCH_TURN",
    "Batch",
    "Counts",
    "Intake",
    "Judged",
    "Known",
    "KnownPair",
    "Passed",
    "Refused",
    "Repeated",
    "Repeats",
    "Sink",
    "shift_taken",
]
