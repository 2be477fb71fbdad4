"""What an app provides whose rows are loaded from files beside annotation's own."""

from typing import TYPE_CHECKING, Protocol

from annotation.interchange.format import Record

if TYPE_CHECKING:
    from annotation.importing.rows.importer import Intake


class Taker(Protocol):
    """Takes the rows of an app's kinds; made once for each of the two readings of an `Intake`.

    It counts what is new and what is not in the intake's `counts`, and stores only where the intake has a sink.
    """

    def __init__(self, intake: "Intake") -> None: ...

    def take(self, file: str, record: Record) -> None:
        """One row.

        Raises:
            Refused: it cannot be taken.
        """

    def settle(self) -> None:
        """With a sink: the rows of the corpus, pairs and comparisons are stored; what waits for them can be."""
