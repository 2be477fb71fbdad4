"""Models read by SQL written by hand, for the few queries that every vote makes.

The ORM builds and compiles such a query anew each time, which takes longer than the database needs to
answer it. What comes back are the same model instances, with the fields not read deferred.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models

type Converter = Callable[[Any], Any]


class Columns[M: models.Model]:
    """The columns of `model`, called `alias` in the SQL, that fill its key and the fields `names`."""

    def __init__(self, model: type[M], alias: str, *names: str) -> None:
        # `Model.from_db` takes values in the order of the model's own fields, in which the key is first.
        self.model, self.alias = model, alias
        self.fields = [field for field in model._meta.concrete_fields if field.primary_key or field.name in names]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in self.fields)
        self.attributes = [field.attname for field in self.fields]
        if missing := set(names) - {field.name for field in self.fields}:
            raise FieldDoesNotExist(f"{model.__name__} has no {', '.join(sorted(missing))}")

    @classmethod
    def all_but(cls, model: type[M], alias: str, *names: str) -> "Columns[M]":
        """Every column but those of the fields `names`: a field that is added to the model is read at once."""
        fields = {field.name for field in model._meta.concrete_fields}
        if missing := set(names) - fields:
            raise FieldDoesNotExist(f"{model.__name__} has no {', '.join(sorted(missing))}")
        return cls(model, alias, *(fields - set(names)))

    def __str__(self) -> str:
        return self.sql

    def instance(self, values: Sequence[Any]) -> M | None:
        """The model with these values; None where an outer join found no row."""
        if values[0] is None:
            return None
        read = list(values)
        for place, convert in _converters(self, connection.vendor):
            read[place] = convert(read[place])
        return self.model.from_db(connection.alias, self.attributes, read)


@cache
def _converters(columns: Columns[Any], vendor: str) -> list[tuple[int, Converter]]:
    """What the ORM would do with a value of a column, by its place: parse JSON, make a time aware."""
    found: list[tuple[int, Converter]] = []
    for place, field in enumerate(columns.fields):
        expression = field.cached_col
        steps = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)

        def convert(value: Any, steps: list[Any] = steps, expression: Any = expression) -> Any:
            for step in steps:
                value = step(value, expression, connection)
            return value

        if steps:
            found.append((place, convert))
    return found


def read(sql: str, params: list[Any], *parts: Columns[Any]) -> list[tuple[Any, ...]]:
    """The rows of `sql`, whose columns are those of `parts` in their order, as an instance of each part."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    found = []
    for row in rows:
        instances, start = [], 0
        for part in parts:
            end = start + len(part.fields)
            instances.append(part.instance(row[start:end]))
            start = end
        found.append(tuple(instances))
    return found


def insert(instance: models.Model) -> None:
    """Adds a new model's row and gives the model its key, as `save` does, without signals."""
    sql, fields = _insertion(type(instance))
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_save(field.pre_save(instance, True), connection) for field in fields])
        instance.pk = cursor.fetchone()[0]
    instance._state.adding, instance._state.db = False, connection.alias


@cache
def _insertion(model: type[models.Model]) -> "tuple[str, list[models.Field[Any, Any]]]":
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    key = model._meta.pk.column
    return f'INSERT INTO {model._meta.db_table} ({columns}) VALUES ({places}) RETURNING "{key}"', fields  # noqa: S608


def update(instance: models.Model, names: Sequence[str]) -> None:
    """Writes the fields `names` of a model's row, as `save(update_fields=names)` does, without signals."""
    fields = [field for field in instance._meta.concrete_fields if field.name in names]
    columns = ", ".join(f'"{field.column}" = %s' for field in fields)
    values = [field.get_db_prep_save(getattr(instance, field.attname), connection) for field in fields]
    key = instance._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE {instance._meta.db_table} SET {columns} WHERE "{key}" = %s',  # noqa: S608
            [*values, instance.pk],
        )


def write(sql: str, params: list[Any]) -> int:
    """Runs a statement; returns how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
