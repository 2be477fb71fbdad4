"""Batches of new rows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final, cast

import numpy as np
from django.db import connection
from django.db.models import DateTimeField, Field, Model

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


class Table:
    """Stores rows of `model` that differ only in `columns`, by the million: `insert` spends its time on statements.

    Columns that neither `columns` nor `constants` name have the model's defaults.
    """

    def __init__(self, model: type[Model], columns: Sequence[str], constants: Values) -> None:
        by_name = {field.attname: field for field in model._meta.concrete_fields if not field.primary_key}
        blank = model()
        self._table = model._meta.db_table
        self._key = str(model._meta.pk.column)
        rest = [field for name, field in by_name.items() if name not in columns]
        self._constants = tuple(
            _prepared(constants[field.attname], field)
            if field.attname in constants
            else field.get_db_prep_save(field.pre_save(blank, True), connection)
            for field in rest
        )
        self._given = [by_name[name] for name in columns]
        self._times = [at for at, field in enumerate(self._given) if isinstance(field, DateTimeField)]
        self._names = [self._key, *(str(field.column) for field in (*self._given, *rest))]

    def store(self, rows: Sequence[tuple[Any, ...]]) -> range | list[int]:
        """Stores `rows`, whose values are those of the columns in order; returns their primary keys."""
        if self._times:
            rows = [self._with_times(row) for row in rows]
        quote = connection.ops.quote_name
        columns = f"{quote(self._table)} ({', '.join(map(quote, self._names))})"
        with connection.cursor() as cursor:
            keys = self._keys(cursor, len(rows))
            whole = ((key, *row, *self._constants) for key, row in zip(keys, rows, strict=True))
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {columns} FROM STDIN") as copy:
                    for values in whole:
                        copy.write_row(values)
            else:
                marks = ", ".join(["%s"] * len(self._names))
                cursor.executemany(f"INSERT INTO {columns} VALUES ({marks})", list(whole))  # noqa: S608  our own names
        return keys

    def _with_times(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        changed = list(row)
        for at in self._times:
            changed[at] = _prepared(row[at], self._given[at])
        return tuple(changed)

    def _keys(self, cursor: Any, number: int) -> range | list[int]:
        """Returns the next primary keys of the table. On SQLite, nobody else writes until the transaction ends."""
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [connection.ops.quote_name(self._table), self._key, number],
            )
            return [key for (key,) in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [self._table])
        (last,) = cursor.fetchone() or (0,)
        return range(last + 1, last + 1 + number)


class KeyChecks:
    """Lets PostgreSQL check the foreign keys of stored rows while the next rows are read.

    By itself it would keep a note on every key until the transaction ends, and check them then. SQLite checks each row
    when it is stored, so there is nothing to do.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1) if connection.vendor == "postgresql" else None
        self._running: Future[None] | None = None

    def start(self) -> None:
        """Checks the rows so far in the background. Whoever uses the connection meanwhile waits."""
        self.wait()
        if self._pool is not None:
            self._running = self._pool.submit(_check_keys, connection.connection)

    def wait(self) -> None:
        """Waits for the check that runs.

        Raises:
            IntegrityError: a row refers to one that is not there.
        """
        running, self._running = self._running, None
        if running is not None:
            with connection.wrap_database_errors:
                running.result()


def _check_keys(raw: Any) -> None:
    # The driver's own connection, which threads may share; Django's belongs to the thread that opened it.
    for when in ("IMMEDIATE", "DEFERRED"):
        raw.execute(f"SET CONSTRAINTS ALL {when}")


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
