"""What the desks of an intake stand on together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from annotation.importing.rows.batches import Sink
from annotation.importing.rows.errors import Tainted
from annotation.models import PromptSet, Study


@dataclass(frozen=True)
class Ground:
    """Where rows belong, which kinds of them will come, and where new ones go."""

    study: Study | None
    prompt_set: PromptSet | None
    kinds: frozenset[str]
    sink: Sink | None
    tainted: Tainted = field(default_factory=Tainted)

    def stored(self, model: type[Model], *columns: str) -> Iterable[Sequence[Any]]:
        """The primary key and `columns` of the prompt set's rows, in the order they were stored in."""
        if self.prompt_set is None:
            return ()
        rows = model._default_manager.filter(prompt_set=self.prompt_set).order_by("pk")
        return rows.values_list("pk", *columns).iterator()
