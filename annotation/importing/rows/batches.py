"""Batches of new rows."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from django.db.models import Model

from annotation.importing.rows.known_rows import Known
from annotation.models import Comparison, LanguageModel, Pair, Prompt, Rater, Result, ResultFlag, Upload, Worker

BATCH_ROWS: Final = 1000
BATCH_CHARACTERS: Final = 2 * 2**20
"""A batch is stored when it reaches this many rows or characters."""


class Batch:
    """Rows to be stored together, after the batches `before`, to which they refer."""

    def __init__(self, model: type[Model], *before: "Batch") -> None:
        self.model = model
        self.before = before
        self._waiting: list[tuple[Known | None, Callable[[], Model]]] = []
        self._characters = 0

    def add(self, known: Known | None, make: Callable[[], Model], characters: int = 0) -> None:
        """Adds a row. `make` is called once the rows it refers to have primary keys; `known` gets the new row's."""
        self._waiting.append((known, make))
        self._characters += characters
        if len(self._waiting) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        for batch in self.before:
            batch.flush()
        if not self._waiting:
            return
        waiting, self._waiting, self._characters = self._waiting, [], 0
        rows = self.model._default_manager.bulk_create([make() for _known, make in waiting])
        for (known, _make), row in zip(waiting, rows, strict=True):
            if known is not None:
                known.pk = row.pk


@dataclass
class Sink:
    """Stores new rows, which all belong to `upload`. Used inside a transaction."""

    upload: Upload
    rng: np.random.Generator
    taken: Counter[int] = field(default_factory=Counter)
    """Number of new votes of people, by the pair's primary key."""

    def __post_init__(self) -> None:
        self.models = Batch(LanguageModel)
        self.prompts = Batch(Prompt)
        self.results = Batch(Result, self.models, self.prompts)
        self.flags = Batch(ResultFlag, self.results)
        self.pairs = Batch(Pair, self.results)
        self.raters = Batch(Rater)
        self.workers = Batch(Worker, self.raters)
        self.comparisons = Batch(Comparison, self.pairs, self.workers, self.raters)

    def flush(self) -> None:
        for batch in (self.flags, self.comparisons, self.results, self.pairs, self.prompts, self.models):
            batch.flush()
