"""The context that the importers of an intake share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from annotation.importing.rows.batches import Sink
from annotation.importing.rows.errors import Repeated, Tainted
from annotation.importing.rows.known_rows import Known
from annotation.interchange.formats.vote import KIND
from annotation.models import LanguageModel, PromptSet, Study
from annotation.numbering import ROOM


@dataclass
class ImportContext:
    """The study and prompt set that rows belong to, the kinds to expect, and the sink for new rows."""

    study: Study | None
    prompt_set: PromptSet | None
    kinds: frozenset[str]
    sink: Sink | None
    tainted: Tainted = field(default_factory=Tainted)
    file: int = 0
    """The file being read, counted from 0."""
    textless: bool = False
    """Whether the prompt set has no texts, or gets comparisons without any."""

    def __post_init__(self) -> None:
        self.textless = self.prompt_set is not None and self.prompt_set.textless

    @property
    def below(self) -> dict[str, int]:
        """The filter of stored rows that the files can mean: comparisons without texts find their own by themselves."""
        return {"number__lt": ROOM} if self.textless and KIND in self.kinds else {}

    def meet(self, known: Known) -> None:
        """Notes that a row of this file equals the row `known`.

        Raises:
            Repeated: an earlier row of this file is, or equals, that row.
        """
        if known.file == self.file:
            raise Repeated
        known.file = self.file

    def stored(self, model: type[Model], *columns: str) -> Iterable[Sequence[Any]]:
        """Returns the primary key and `columns` of the prompt set's rows, in stored order."""
        if self.prompt_set is None:
            return ()
        below = {} if model is LanguageModel else self.below
        rows = model._default_manager.filter(prompt_set=self.prompt_set, **below).order_by("pk")
        return rows.values_list("pk", *columns).iterator()
