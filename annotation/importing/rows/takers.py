"""The interface of apps that import further kinds of rows."""

from typing import TYPE_CHECKING, Protocol

from annotation.interchange.format import Record

if TYPE_CHECKING:
    from annotation.importing.rows.importer import Intake


class Taker(Protocol):
    """Imports the rows of an app's kinds; created once for each of the two readings of an `Intake`.

    It counts new and unchanged rows in the intake's `counts`, and stores rows only if the intake has a sink.
    """

    def __init__(self, intake: "Intake") -> None: ...

    def take(self, file: str, record: Record) -> None:
        """Imports one row.

        Raises:
            Refused: the row is not valid.
        """

    def settle(self) -> None:
        """Stores waiting rows; called with a sink, once the corpus, pairs and comparisons are stored."""
