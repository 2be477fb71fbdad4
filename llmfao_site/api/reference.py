"""The API's schema as a page: its operations with their parameters and responses."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a column."""

    name: str
    kind: str
    about: str
    usual: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API, with its query parameters, the fields of its body, and the columns of its rows."""

    method: str
    path: str
    name: str
    summary: str
    about: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    row: tuple[Field, ...]
    public: bool


@cache
def schema() -> dict[str, Any]:
    """Returns the OpenAPI document, which is generated once per process."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@cache
def operations() -> tuple[tuple[str, tuple[Operation, ...]], ...]:
    """Returns the operations by tag, in the order of the schema."""
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in schema()["paths"].items():
        for method, told in methods.items():
            by_tag.setdefault(told["tags"][0], []).append(_operation(method, path, told))
    return tuple((tag, tuple(found)) for tag, found in by_tag.items())


def _operation(method: str, path: str, told: dict[str, Any]) -> Operation:
    return Operation(
        method.upper(),
        path,
        told["operationId"],
        told.get("summary", ""),
        told.get("description", ""),
        tuple(_parameter(each) for each in told.get("parameters", ()) if each["in"] == "query"),
        tuple(_columns(_content(told.get("requestBody", {})))),
        tuple(_columns(_row(_content(told["responses"].get("200", told["responses"].get("201", {})))))),
        {} in told.get("security", ()),
    )


def _parameter(told: dict[str, Any]) -> Field:
    usual = told["schema"].get("default")
    return Field(told["name"], _kind(told["schema"]), told.get("description", ""), "" if usual is None else str(usual))


def _content(told: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of a body, with references resolved."""
    for media in told.get("content", {}).values():
        return _followed(media["schema"])
    return {}


def _row(body: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of the rows that a page lists, or of the body itself if it is not a page."""
    listed = body.get("properties", {}).get("results", {})
    return _followed(listed["items"]) if "items" in listed else body


def _followed(told: dict[str, Any]) -> dict[str, Any]:
    for each in [told, *told.get("allOf", ())]:
        if "$ref" in each:
            found: dict[str, Any] = schema()["components"]["schemas"][each["$ref"].rpartition("/")[2]]
            return found
    return told


def _columns(told: dict[str, Any]) -> Iterator[Field]:
    for name, each in told.get("properties", {}).items():
        inner = _followed(each)
        yield Field(name, _kind(each), each.get("description", ""))
        nested = _followed(inner["items"]) if "items" in inner else inner
        for field in _columns(nested):
            yield Field(f"{name}.{field.name}", field.kind, field.about)


def _kind(told: dict[str, Any]) -> str:
    """Describes a type in a few words, such as “text” or “whole number”."""
    followed = _followed(told)
    if isinstance(choices := followed.get("enum"), list):
        return ", ".join(str(choice) for choice in choices if choice is not None)
    match followed:
        case {"type": [*kinds]}:
            return " or ".join("null" if kind == "null" else _kind({**followed, "type": kind}) for kind in kinds)
        case {"type": "array", "items": items}:
            return f"list of {_kind(items)}"
        case {"oneOf": [*parts]}:
            return ", ".join(filter(None, (_kind(part) for part in parts)))
        case {"type": "string", "format": "date-time"}:
            return "time"
        case {"type": "string", "format": "date"}:
            return "date"
        case {"type": "string", "format": "decimal"}:
            return "decimal number as text"
        case {"type": kind}:
            return KINDS.get(str(kind), str(kind))
    return "anything"


KINDS = {"integer": "whole number", "number": "number", "boolean": "true, false", "string": "text", "object": "object"}
