"""Rows of files against what a study and its prompt set hold: what is new, what is there, what is wrong.

An `Intake` is used twice over the same files. Without a `Sink` it only checks, outside of any
transaction; with one, inside the transaction of `importing.load`, it checks again against what is
stored by then and stores what is new. One reading of the rules, so that the two cannot differ.

Memory holds numbers and digests of what rows refer to, and never more texts than one batch of them.

What an intake takes lies with three desks, each of which knows what is stored of its subject and what the
files have added to it: `corpus`, `pairs` and `comparisons`, where a later one asks those before it.
"""

from annotation.importing.rows.batches import Batch, Sink
from annotation.importing.rows.comparisons import Judged, shift_taken
from annotation.importing.rows.errors import Passed, Refused
from annotation.importing.rows.importer import Counts, Intake
from annotation.importing.rows.known_rows import Known, KnownPair

__all__ = ["Batch", "Counts", "Intake", "Judged", "Known", "KnownPair", "Passed", "Refused", "Sink", "shift_taken"]
