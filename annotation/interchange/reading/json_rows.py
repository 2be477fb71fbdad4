"""Rows of JSON files: one object a line, a list of objects, or an object that holds such a list, on any lines."""

import codecs
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final

from annotation.interchange.faults import SHOWN, Fault, shown
from annotation.interchange.reading import source as bounds
from annotation.interchange.reading.source import (
    CHUNK,
    Row,
    Source,
    Unreadable,
    encodable,
    is_too_deep,
    renamed,
    unreadable,
    unstorable,
)
from annotation.interchange.reading.streams import Lines
from annotation.problems import gettext_noop

DEEPEST: Final = 4
"""Keys that lead to the list of rows of a JSON object."""

AROUND: Final = 2**16
"""Maximum characters of a value beside the list of rows that is kept for the format."""

SPACE: Final = re.compile(r"[ \t\r\n]*")
TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s"\[\]{},:]+|"')
MESSAGE: Final = re.compile(r'\{\s*"(role|from|content|value)"\s*:')
"""How an object begins that is a message of a conversation, and no row."""


class _DuplicateKey(ValueError):
    pass


class _NotANumber(ValueError):
    pass


class _TooLarge(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise _DuplicateKey(next(key for key, _value in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def _constant(word: str) -> Any:
    raise _NotANumber(word)


def _finite(word: str) -> float:
    found = float(word)
    if math.isinf(found):
        raise _TooLarge
    return found


_decoder: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
# Where an object ends that is valid JSON but refused. Numbers stay text, because Python refuses thousands of digits.
_lenient: Final = json.JSONDecoder(parse_int=str, parse_float=str)


# One object a line.


def lines(source: Source, stream: IO[bytes]) -> Iterator[Row | Fault]:
    """Yields the objects of JSON Lines; skips blank lines."""
    found = Lines(source, stream)
    count = 0
    for line in found:
        if isinstance(line, Fault):
            count += 1
            yield line
        elif line.strip():
            count += 1
            yield parsed(source, found.number, line)
    if not count:
        yield Fault(source.name, None, "", gettext_noop("The file is empty."))


def parsed(source: Source, number: int, line: bytes) -> Row | Fault:
    """Returns the JSON object in `line`, or its fault."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = gettext_noop("Byte %(place)s of this line is not valid UTF-8. Save the file as UTF-8.")
        quoted = shown(line.decode("utf-8", "replace"), 2 * SHOWN)
        return Fault(source.name, number, "", reason, {"place": str(error.start + 1)}, quoted)
    try:
        found = _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        return _refused(source, number, text, error)
    return _row(source, number, text.removesuffix("\n"), found)


def _refused(source: Source, number: int, text: str, error: ValueError | RecursionError) -> Fault:
    """Returns the fault of a text that the decoder refused."""

    def fault(reason: str, **values: str) -> Fault:
        return Fault(source.name, number, "", reason, values, shown(text[: 4 * SHOWN], 2 * SHOWN))

    match error:
        case json.JSONDecodeError():
            return fault(
                gettext_noop("This line is not valid JSON: %(problem)s at character %(place)s."),
                problem=error.msg.removesuffix(" at"),
                place=str(error.colno),
            )
        case _DuplicateKey():
            return fault(gettext_noop("The key %(key)s appears twice in this row."), key=shown(str(error)))
        case _NotANumber():
            return fault(gettext_noop("%(word)s is not valid JSON. Use a number or null."), word=str(error))
        case _TooLarge():
            return fault(gettext_noop("The number is too large."))
        case RecursionError():
            return fault(gettext_noop("This row is nested too deeply."))
    # Python refuses to parse numbers with thousands of digits.
    return fault(gettext_noop("This row contains a number with too many digits."))


def _row(source: Source, number: int, text: str, found: Any) -> Row | Fault:
    def fault(reason: str) -> Fault:
        return Fault(source.name, number, "", reason, {}, shown(text[: 4 * SHOWN], 2 * SHOWN))

    if not isinstance(found, dict):
        return fault(gettext_noop("Expected a JSON object with one key per column."))
    if text.count("[") + text.count("{") > bounds.DEEPEST and is_too_deep(found):
        return fault(gettext_noop("This row is nested too deeply."))
    # Only escaped ones reach this point: JSON has no raw control characters, UTF-8 no surrogates.
    if "\\u" in text and (problem := unstorable(found)):
        return fault(problem)
    if columns := source.reading.columns:
        found = dict(zip(renamed(columns, list(found)), found.values(), strict=True))
    return Row(number, found, text)


# Objects on any lines.


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the rows of a JSON text are: its lines, or the values of the list behind the keys `path`.

    Without `lines` and `path`, every value of the text is a row, and so is each of a list.
    """

    lines: bool = False
    path: tuple[str, ...] = ()


def shape_of(source: Source, start: str, *, whole: bool) -> Shape:
    """Returns the shape of the JSON text that begins with `start`; with `whole`, that is all of it."""
    begun = SPACE.match(start)
    text = start[begun.end() if begun else 0 :]
    if not text.startswith("{"):
        return Shape(lines=not text.startswith("["))
    first, newline, rest = text.partition("\n")
    try:
        end = _lenient.raw_decode(text)[1]
    except (ValueError, RecursionError):
        # The first object is longer than the start, or broken.
        if newline and _broken_line(first, rest):
            return Shape(lines=True)
        path = list_in(text)
        return Shape(path=path) if path and (newline or not _by_lines(source)) else Shape(lines=not newline)
    if text[end:].strip() or not whole:
        # Two objects on one line are an error of that line.
        return Shape(lines="\n" not in text[:end])
    path = list_in(text)
    if "\n" not in text[:end] and _by_lines(source) and not (len(path) == 1 and _only_key(text[:end])):
        return Shape(lines=True)
    return Shape(path=path)


def _only_key(text: str) -> bool:
    try:
        return len(_lenient.decode(text)) == 1
    except (ValueError, RecursionError):
        return False


def _by_lines(source: Source) -> bool:
    """Returns whether the name says that there is an object a line; asked where the content leaves it open."""
    return source.plain_name.lower().endswith((".jsonl", ".ndjson"))


def _broken_line(first: str, rest: str) -> bool:
    """Returns whether the first line is a broken object of its own: the next line begins another one."""
    return len(first.strip()) > 1 and any(
        line.startswith("{") and line.rstrip().endswith("}") for line in rest.splitlines()[:20] if line.strip()
    )


def list_in(text: str) -> tuple[str, ...]:
    """Returns the keys that lead to the list of rows in the JSON object that `text` begins; empty if there is none.

    Of several lists of objects it is the one with the most text. Lists of messages are no rows.
    """
    keys: list[str] = []  # of the objects around the current place
    kinds: list[str] = []
    word, expects_key = "", False
    sizes: dict[tuple[str, ...], int] = {}
    open_list: tuple[tuple[str, ...], int, int] | None = None  # path, depth, start
    for token in TOKEN.finditer(text):
        found = token[0]
        if found in "{[":
            if kinds and kinds[-1] == "{":
                keys.append(word)
            elif kinds:
                keys.append("")
            kinds.append(found)
            expects_key = found == "{"
            path = tuple(keys) if len(keys) <= DEEPEST else ()
            if found == "[" and open_list is None and path and all(path):
                inside = SPACE.match(text, token.end())
                place = inside.end() if inside else token.end()
                if text.startswith("{", place) and not MESSAGE.match(text, place):
                    open_list = path, len(kinds), token.start()
        elif found in "}]":
            if not kinds:
                break
            if open_list and len(kinds) == open_list[1]:
                sizes[open_list[0]] = token.start() - open_list[2]
                open_list = None
            kinds.pop()
            if keys:
                keys.pop()
            expects_key = False
        elif found == ",":
            expects_key = bool(kinds) and kinds[-1] == "{"
        elif found == ":":
            expects_key = False
        elif expects_key:
            word = _word(found)
    if open_list:
        sizes[open_list[0]] = len(text) - open_list[2]
    return max(sizes, key=lambda path: sizes[path], default=())


def _word(token: str) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token


class _Buffer:
    """The part of a JSON text that is being read, and the place in it."""

    def __init__(self, source: Source, stream: IO[bytes]) -> None:
        self.source = source
        self.text = ""
        self.at = 0
        self._line, self._counted = 1, 0
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._ended = False
        self.more()
        self.text = self.text.removeprefix("\ufeff")

    def more(self) -> bool:
        """Reads on, by at least as much as is waiting; returns False at the end of the file."""
        if self._ended:
            return False
        self._line = self.number
        kept = self.text[self.at :]
        chunk = self._stream.read(max(CHUNK, len(kept)))
        self._ended = not chunk
        self.text, self.at, self._counted = kept + self._decoder.decode(chunk, final=self._ended), 0, 0
        return not self._ended or len(self.text) > len(kept)

    @property
    def number(self) -> int:
        """The line of the current place."""
        # Counted from the last place on, not from the beginning of what was read, for each of thousands of rows.
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def _number_at(self, place: int) -> int:
        return self.number + self.text.count("\n", self.at, place)

    def peek(self) -> str:
        """Skips blanks and returns the next character; empty at the end."""
        while True:
            blanks = SPACE.match(self.text, self.at)
            self.at = blanks.end() if blanks else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def skip(self, letter: str) -> bool:
        """Goes on behind `letter` if it is next."""
        found = self.peek() == letter
        self.at += found
        return found

    def value(self) -> tuple[Any, str, int] | Fault:
        """Returns the next value, its text and its line, or its fault; the place is behind it then.

        Raises:
            Unreadable: it is not JSON, so that its end is unknown, or too long.
        """
        self.peek()
        while True:
            try:
                found, end = _decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                self._read_on(error)
                continue
            except (ValueError, RecursionError) as error:
                return self._behind(error)
            # A number or word at the end of what was read may go on.
            if end == len(self.text) and self.text[end - 1] not in '}]"' and self.more():
                continue
            number, text = self.number, self.text[self.at : end]
            self.at = end
            return found, text, number

    def _read_on(self, error: json.JSONDecodeError) -> None:
        """Reads on because the value may not be complete."""
        if len(self.text) - self.at > bounds.LINE_LIMIT:
            reason = gettext_noop("This object is longer than %(limit)s MiB.")
            raise unreadable(self.source, reason, self.number, limit=str(bounds.LINE_LIMIT // 2**20))
        if not self.more():
            if error.pos >= len(self.text.rstrip()) or error.msg.startswith("Unterminated string"):
                reason = gettext_noop("The JSON text is incomplete. Use a complete copy of the file.")
                raise unreadable(self.source, reason, self._number_at(len(self.text)))
            number = self._number_at(error.pos)
            raise Unreadable(_refused(self.source, number, self.text[self.at : self.at + 4 * SHOWN], error))

    def _behind(self, error: ValueError | RecursionError) -> Fault:
        """Returns the fault of a value that is refused, and goes on behind it."""
        while True:
            try:
                end = _lenient.raw_decode(self.text, self.at)[1]
            except json.JSONDecodeError as broken:
                self._read_on(broken)
                continue
            except RecursionError:
                raise Unreadable(_refused(self.source, self.number, self.text[self.at :][:400], error)) from None
            fault = _refused(self.source, self.number, self.text[self.at : end][: 4 * SHOWN], error)
            self.at = end
            return fault


@dataclass
class Document:
    """A JSON text whose rows are the values behind `path`. `around` gets the small values beside them as it is read."""

    source: Source
    path: tuple[str, ...] = ()
    around: dict[str, Any] = field(default_factory=dict)

    def rows(self, stream: IO[bytes]) -> Iterator[Row | Fault]:
        """Yields the rows, each with the line that it begins on."""
        buffer = _Buffer(self.source, stream)
        found = False
        while buffer.peek():
            for row in self._values(buffer, self.path):
                found = True
                yield row
        if not found:
            yield Fault(self.source.name, None, "", gettext_noop("The file is empty."))

    def _values(self, buffer: _Buffer, path: tuple[str, ...]) -> Iterator[Row | Fault]:
        if path:
            yield from self._members(buffer, path, ())
        elif buffer.skip("["):
            yield from self._items(buffer)
        else:
            yield self._one(buffer)

    def _one(self, buffer: _Buffer) -> Row | Fault:
        got = buffer.value()
        if isinstance(got, Fault):
            return got
        found, text, number = got
        if not text.isascii() and not encodable(text):
            reason = gettext_noop("This row is not valid UTF-8. Save the file as UTF-8.")
            return Fault(
                self.source.name,
                number,
                "",
                reason,
                {},
                shown(text[: 4 * SHOWN].encode(errors="replace").decode(), 2 * SHOWN),
            )
        row = _row(self.source, number, text, found)
        return row if isinstance(row, Fault) else Row(number, row.values, None)

    def _items(self, buffer: _Buffer) -> Iterator[Row | Fault]:
        if buffer.skip("]"):
            return
        while True:
            yield self._one(buffer)
            if buffer.skip("]"):
                return
            self._comma(buffer)

    def _comma(self, buffer: _Buffer) -> None:
        if not buffer.skip(","):
            if not buffer.peek():
                reason = gettext_noop("The JSON text is incomplete. Use a complete copy of the file.")
                raise unreadable(self.source, reason, buffer.number)
            reason = gettext_noop("Expected a comma between two values, not %(found)s.")
            raise unreadable(self.source, reason, buffer.number, found=shown(buffer.peek()))

    def _members(self, buffer: _Buffer, path: tuple[str, ...], above: tuple[str, ...]) -> Iterator[Row | Fault]:
        if not buffer.skip("{"):
            yield self._one(buffer)
            return
        if buffer.skip("}"):
            return
        while True:
            got = buffer.value()
            if isinstance(got, Fault) or not isinstance(got[0], str):
                raise unreadable(self.source, gettext_noop("Expected a key of a JSON object."), buffer.number)
            key = got[0]
            if not buffer.skip(":"):
                raise unreadable(self.source, gettext_noop("Expected a key of a JSON object."), buffer.number)
            opens = buffer.peek()
            if key == path[0] and len(path) == 1 and opens == "[":
                buffer.skip("[")
                yield from self._items(buffer)
            elif key == path[0] and len(path) > 1 and opens == "{":
                yield from self._members(buffer, path[1:], (*above, key))
            else:
                self._beside(buffer, (*above, key))
            if buffer.skip("}"):
                return
            self._comma(buffer)

    def _beside(self, buffer: _Buffer, keys: tuple[str, ...]) -> None:
        """Keeps a small value beside the rows, for formats that need it."""
        got = buffer.value()
        if not isinstance(got, Fault) and len(got[1]) <= AROUND and not unstorable(got[0]):
            self.around[".".join(keys)] = got[0]
