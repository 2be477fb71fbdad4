"""Why a row is not taken."""

from annotation.interchange.format import Record


class Refused(Exception):
    """A row cannot be taken: the field, the reason and its values, as a `Fault` has them."""

    def __init__(self, where: str, reason: str, **values: object) -> None:
        super().__init__(reason)
        self.where = where
        self.reason = reason
        self.values = {key: value if isinstance(value, str) else str(value) for key, value in values.items()}


class Passed(Exception):
    """A row refers to a faulty one: whether it is right itself cannot be said, and the fault is reported already."""


class Tainted:
    """The faulty rows: those that refer to one are not reported as well."""

    def __init__(self) -> None:
        self._numbers: set[tuple[str, int]] = set()
        self._results = False

    def add(self, kind: str, record: Record) -> None:
        """`kind` is what other rows refer to `record` as."""
        if kind == "results":
            # Pairs refer to results by their text, which may be what is wrong.
            self._results = True
        elif "id" in record.values:  # a model by its name alone cannot be wrong
            self._numbers.add((kind, record.values["id"]))

    def pass_number(self, kind: str, number: int) -> None:
        """For a row that refers to something by its number and does not find it.

        Raises:
            Passed: it was faulty.
        """
        if (kind, number) in self._numbers:
            raise Passed

    def pass_result(self) -> None:
        """For a row that refers to a result in another way and does not find it.

        Raises:
            Passed: some result was faulty, and may be the one.
        """
        if self._results:
            raise Passed
