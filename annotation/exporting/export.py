"""Exports a study in the exchange format, as chunks of text, never as a whole in memory or in a transaction.

Invalid requests raise before the first chunk. The columns and their order are those of `interchange.llmfao`.
"""

from collections.abc import Iterator
from typing import Final

from django.utils.translation import gettext as _

from annotation.exporting.comparisons import PEOPLE, chosen, plain
from annotation.exporting.corpus import rows
from annotation.exporting.full import full as full_file
from annotation.exporting.rows import chunks
from annotation.interchange.tables import json_line
from annotation.models import Purpose, Study
from annotation.studies.lifecycle import NotPossible

WHAT: Final = ("models", "prompts", "results", "pairs", "comparisons")


def export(
    study: Study,
    what: str,
    *,
    raters: str = PEOPLE,
    training: bool = False,
    check: bool = False,
    full: bool = False,
    simulated: bool = False,
) -> Iterator[str]:
    """Yields one file of the study in chunks of text.

    Args:
        what: models, prompts, results, pairs or comparisons.
        raters: with comparisons: people, all, or the name of a judge.
        training: with pairs: the training pairs instead.
        check: with pairs: the check pairs instead.
        full: with comparisons: every stored row with all its details, instead of counted votes.
        simulated: with comparisons: include simulated ones, marked in a column.

    Raises:
        NotPossible: the options cannot be combined, no judge has that name, or there are simulated comparisons
            without `simulated`.
    """
    if ((training or check) and what != "pairs") or (training and check):
        raise NotPossible(_("The options training and check work only for pairs, and only one at a time."))
    if what != "comparisons" and (full or simulated or raters != PEOPLE):
        raise NotPossible(_("The options raters, full and simulated work only for comparisons."))
    if what == "comparisons":
        theirs = chosen(study, raters)
        lines = full_file(study, theirs, raters) if full else plain(study, theirs, raters, simulated)
    elif what in WHAT:
        purpose = Purpose.TRAINING if training else Purpose.CHECK if check else Purpose.VOTE
        lines = map(json_line, rows(study, what, purpose).all())
    else:
        raise NotPossible(_("“%(what)s” cannot be exported.") % {"what": what})
    return chunks(lines)


def file_name(
    what: str, *, raters: str = PEOPLE, training: bool = False, check: bool = False, full: bool = False
) -> str:
    """Returns a name for the downloaded file by which `load` recognises it."""
    if what == "comparisons":
        whose = "".join(letter if letter.isalnum() or letter in "-._ " else "_" for letter in raters)
        return f"{whose}-full-comparisons.csv" if full else f"{whose}-comparisons.csv"
    if what == "payments":
        return "payments.csv"
    suffix = "-training" if training else "-check" if check else ""
    return f"{what}{suffix}.jsonl"
