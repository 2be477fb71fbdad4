"""The interface of apps that import further kinds of rows."""

from typing import Protocol

from annotation.interchange.format import Record


class Taker(Protocol):
    """Imports the rows of an app's kinds during one of the two readings of an `Intake`.

    It counts new and unchanged rows in the intake's `counts`, and stores rows only if the intake has a sink.
    """

    def take(self, file: str, record: Record) -> None:
        """Imports one row.

        Raises:
            Refused: the row is not valid.
        """

    def settle(self) -> None:
        """Stores waiting rows; called with a sink, once the corpus, pairs and comparisons are stored."""
