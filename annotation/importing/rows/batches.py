"""Batches of new rows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final, cast

import numpy as np
from django.db import connection
from django.db.models import Field, Model

from annotation.importing.rows.known_rows import Known
from annotation.models import Comparison, LanguageModel, Pair, Prompt, Rater, Result, ResultFlag, Upload, Worker

BATCH_ROWS: Final = 1000
BATCH_CHARACTERS: Final = 2 * 2**20
"""A batch is stored when it reaches this many rows or characters."""


MOST_PARAMETERS: Final = 30_000
"""Values in one statement; SQLite allows 32,766, PostgreSQL 65,535."""

PLAIN: Final = (int, float, str)

type Values = Mapping[str, Any]
"""The values of a row by the names of its columns, with keys instead of objects."""


class Batch:
    """Rows to be stored together, after the batches `before`, to which they refer."""

    def __init__(self, model: type[Model], *before: "Batch") -> None:
        self.model = model
        self.before = before
        self._waiting: list[tuple[Known | None, Callable[[], Model | Values]]] = []
        self._characters = 0

    def add(self, known: Known | None, make: Callable[[], Model | Values], characters: int = 0) -> None:
        """Adds a row. `make` is called once the rows it refers to have primary keys; `known` gets the new row's.

        It returns an object, or for kinds that come by the hundred thousand the values of its columns.
        """
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
        made = [make() for _known, make in waiting]
        if isinstance(made[0], Model):
            objects = cast(list[Model], made)
            keys = [row.pk for row in self.model._default_manager.bulk_create(objects)]
        else:
            keys = insert(self.model, cast(list[Values], made))
        for (known, _make), key in zip(waiting, keys, strict=True):
            if known is not None:
                known.pk = key


def insert(model: type[Model], rows: Sequence[Values]) -> list[int]:
    """Stores rows by the names of their columns, and returns their primary keys in the same order.

    `bulk_create` takes several times as long, because it builds an object for each row and asks it for each field.
    Columns that `rows` leave out have the model's defaults. All rows have the same columns.
    """
    blank, given = model(), rows[0].keys()
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    rest = [
        None if field.attname in given else field.get_db_prep_save(field.pre_save(blank, True), connection)
        for field in fields
    ]
    names = [field.attname if field.attname in given else None for field in fields]
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(quote(str(field.column)) for field in fields)})"
    keys: list[int] = []
    most = max(1, (connection.features.max_query_params or MOST_PARAMETERS) // len(fields))
    with connection.cursor() as cursor:
        for some in batched(rows, most):
            parameters = [
                value if name is None else _prepared(row[name], field)
                for row in some
                for name, value, field in zip(names, rest, fields, strict=True)
            ]
            marks = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(some))
            cursor.execute(f"{into} VALUES {marks} RETURNING {quote(str(model._meta.pk.column))}", parameters)
            keys.extend(key for (key,) in cursor.fetchall())
    return keys


def _prepared(value: Any, field: "Field[Any, Any]") -> Any:
    # Numbers and texts are stored as they are; asking the field for each takes longer than storing them.
    return value if value is None or isinstance(value, PLAIN) else field.get_db_prep_save(value, connection)


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
