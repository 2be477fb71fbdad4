"""What a row of another tool's file holds beyond our columns, so that it can be written again as it was.

A reader builds the row from the values that it has found, as a writer will build it from the database. The remainder is
how the row differs: `set` has other values, `unset` missing keys, `inside` the same of keys whose values are objects.
`ascii` marks a line whose letters are escaped, and `line` is the whole line if it would still be written differently.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from annotation.interchange.reading import Row

TEXT: Final = "json"
"""The key of a remainder that is a text."""

type Order = Mapping[str, Sequence[str]]
"""The order of keys: of the row under the empty name, and of the objects in it under theirs."""


def rest(row: Mapping[str, Any], built: Mapping[str, Any], text: str, order: Order) -> dict[str, Any]:
    """Returns how `row`, read from the line `text`, differs from `built`; empty if it does not.

    A row of a table has no text, and none to be written again.
    """
    extra = difference(row, built, [key for key in order if key])
    if not text:
        plain: dict[str, Any] = _as_stored(extra)
        return plain
    for ascii_only in (False, True):
        found: dict[str, Any] = _as_stored({**extra, **({"ascii": True} if ascii_only else {})})
        if line(built, found, order) == text:
            return found
    return {**extra, "line": text}


def _as_stored(value: Any) -> Any:
    """Returns `value` with sorted keys: a database may give them back in another order than they came in."""
    match value:
        case dict():
            return {key: _as_stored(value[key]) for key in sorted(value)}
        case list():
            return [_as_stored(each) for each in value]
    return value


def difference(row: Mapping[str, Any], built: Mapping[str, Any], objects: Sequence[str] = ()) -> dict[str, Any]:
    """Returns the values and keys in which `row` differs from `built`; `objects` are keys whose values are compared
    key by key."""
    inside = {
        key: differing
        for key in objects
        if isinstance(row.get(key), dict)
        and isinstance(built.get(key), dict)
        and (differing := difference(row[key], built[key]))
    }
    same = {key for key in objects if isinstance(row.get(key), dict) and isinstance(built.get(key), dict)}
    known = {key for key, value in row.items() if key in built and _equal(built[key], value)}
    other = {key: value for key, value in row.items() if key not in same | known}
    lacking = sorted(key for key in built if key not in row)
    return {
        **({"set": other} if other else {}),
        **({"unset": lacking} if lacking else {}),
        **({"inside": inside} if inside else {}),
    }


def _equal(one: Any, other: Any) -> bool:
    """Returns whether two values are written alike; in Python 1, 1.0 and true are equal."""
    if isinstance(one, str) or isinstance(other, str) or one != other:
        return bool(one == other)
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def line(built: Mapping[str, Any], extra: Mapping[str, Any], order: Order) -> str:
    """Returns the line, without its end, that `rest` or `of_row` was computed from."""
    if TEXT in extra:
        return _line_of_row(built, json.loads(extra[TEXT]), order)
    row = _applied(built, _as_stored(extra))
    if "line" in extra and _same_row(extra["line"], row):
        return str(extra["line"])
    ordered = _ordered(row, order.get("", ()))
    ordered = {
        key: _ordered(value, order[key]) if key in order and isinstance(value, dict) else value
        for key, value in ordered.items()
    }
    return json.dumps(ordered, ensure_ascii="ascii" in extra, allow_nan=False)


def _same_row(text: str, row: Mapping[str, Any]) -> bool:
    return json.dumps(json.loads(text), sort_keys=True) == json.dumps(row, sort_keys=True)


def applied(built: Mapping[str, Any], extra: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """Returns the row that `difference` was computed from, with its keys in order; values are as `extra` has them."""
    return _ordered(_applied(built, extra), order.get("", ()))


def _applied(built: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    row = {**built, **extra.get("set", {})}
    for key, difference in extra.get("inside", {}).items():
        row[key] = _applied(row[key], difference)
    for key in extra.get("unset", ()):
        row.pop(key, None)
    return row


def _ordered(row: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    places = {key: place for place, key in enumerate(order)}
    return {key: row[key] for key in sorted(row, key=lambda key: (places.get(key, len(places)), key))}


def of_row(row: Row, built: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """Returns how a row of any layout differs from `built`, so that `line` gives its line back.

    Unlike that of `rest`, it is a text of JSON, in which objects keep the order of their keys, and it has the `order`
    of the row's keys if it is another than `order`. So a line is kept as a whole only if it is spaced differently.

    A cell of a CSV file is text: where `built` has a number, a truth value or a list, the reader has found it in the
    cell, and the cell does not differ.
    """
    values = row.values
    if not row.text:
        values = {
            key: built[key] if key in built and isinstance(value, str) and not isinstance(built[key], str) else value
            for key, value in values.items()
        }
    extra = difference(values, built)
    for key in built.keys() & values.keys() - extra.get("set", {}).keys():
        if not isinstance(built[key], str) and json.dumps(built[key]) != json.dumps(values[key]):
            # Equal, but the keys of objects in a list, such as messages, are in another order.
            inner = _order_in(values[key])
            if json.dumps(_each_ordered(built[key], inner)) == json.dumps(values[key]):
                extra.setdefault("inner", {})[key] = inner
            else:
                extra.setdefault("set", {})[key] = values[key]
    if list(applied(built, extra, order)) != list(values):
        extra["order"] = list(values)
    if row.text:
        plain = json.dumps(values, ensure_ascii=False)
        if row.text != plain:
            if row.text == json.dumps(values):
                extra["ascii"] = True
            else:
                extra["line"] = row.text
    return {TEXT: json.dumps(extra, ensure_ascii=False)} if extra else {}


def _order_in(objects: Any) -> list[str]:
    """Returns the order of the keys of the first object in a list; empty if there is none."""
    first = objects[0] if isinstance(objects, list) and objects else None
    return list(first) if isinstance(first, dict) else []


def _each_ordered(objects: Any, order: Sequence[str]) -> Any:
    """Returns a list of objects that each have their keys in order; anything else as it is."""
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        return objects
    return [_ordered(each, order) for each in objects]


def _line_of_row(built: Mapping[str, Any], extra: Mapping[str, Any], order: Order) -> str:
    row = applied(built, extra, order)
    if "line" in extra and _same_row(extra["line"], row):
        return str(extra["line"])
    row = {key: row[key] for key in extra.get("order", row) if key in row}
    row |= {key: _each_ordered(row[key], inner) for key, inner in extra.get("inner", {}).items() if key in row}
    return json.dumps(row, ensure_ascii="ascii" in extra, allow_nan=False)
