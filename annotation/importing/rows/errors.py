"""Why a row is not imported."""

from annotation.interchange.format import Record


class Refused(Exception):
    """The row is not valid; has the field, the reason and its values of a `Fault`."""

    def __init__(self, where: str, reason: str, **values: object) -> None:
        super().__init__(reason)
        self.where = where
        self.reason = reason
        self.values = {key: value if isinstance(value, str) else str(value) for key, value in values.items()}


class Repeated(Exception):
    """The row equals an earlier row of the same file."""


class Passed(Exception):
    """The row refers to a faulty row, which is already reported; it cannot be checked itself."""


class Tainted:
    """The faulty rows; rows that refer to them are not reported."""

    def __init__(self) -> None:
        self._numbers: set[tuple[str, int]] = set()
        self._results = False

    def add(self, kind: str, record: Record) -> None:
        """Adds `record`; `kind` is the kind that other rows refer to."""
        if kind == "results":
            # Pairs refer to results by text, which may be the faulty column.
            self._results = True
        elif "id" in record.values:  # a model's name alone cannot be faulty
            self._numbers.add((kind, record.values["id"]))

    def pass_number(self, kind: str, number: int) -> None:
        """Handles a reference by a number that was not found.

        Raises:
            Passed: the row with that number is faulty.
        """
        if (kind, number) in self._numbers:
            raise Passed

    def pass_result(self) -> None:
        """Handles a reference to a result, by other columns, that was not found.

        Raises:
            Passed: a result is faulty and may be the one.
        """
        if self._results:
            raise Passed
