"""Finding out in which encoding a text file is.

UTF-8, and UTF-16 and UTF-32 with a byte order mark, are certain. Anything else is a proposal, which a person confirms
by three lines that would change.
"""

import codecs
import re
from typing import IO, Final

from annotation.interchange.faults import printable
from annotation.interchange.reading.source import CHUNK, Change

NAMES: Final = {
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32",
    "windows-1252": "cp1252",
    "shift-jis": "cp932",
}
"""By the name of an encoding, the name that Python has for it. What is called Shift JIS is CP932 nearly everywhere."""

MARKS: Final = (
    # The mark of UTF-32 begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)

SHOWN: Final = 3
LINE_SHOWN: Final = 160
SAMPLE: Final = 2**16
"""Bytes of lines that are not UTF-8 that a guess is based on."""

FOREIGN: Final = re.compile(rb"[\x80-\xff]")
PAIRED: Final = re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]")
KANA: Final = re.compile("[\u3001-\u3002\u3041-\u3096\u30a1-\u30fc]|[\uff66-\uff9f]{3}")
"""Kana and Japanese full stops. Those of half width are letters with accents in Windows-1252, rarely three in a row."""


def normalised(name: str) -> str:
    """Returns the name of `NAMES` for an encoding, however it is spelt; empty if it is not one of them."""
    try:
        meant = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    if meant in {"shift_jis", "shift_jisx0213", "shift_jis_2004"}:
        return "shift-jis"
    if meant in {"iso8859-1", "ascii"}:
        # Browsers read both as Windows-1252, of which the printable characters are a part.
        return "windows-1252"
    return next((known for known, called in NAMES.items() if codecs.lookup(called).name == meant), "")


def certain(start: bytes) -> str:
    """Returns the encoding that the first bytes of a file leave no doubt about; empty if they do."""
    for mark, encoding in MARKS:
        if start.startswith(mark):
            return encoding
    # Text has no NULs, but every Latin letter of UTF-16 has one, on the same side.
    even, odd = start[0:512:2], start[1:512:2]
    if len(odd) > 1:
        for zeros, others, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
            if zeros.count(0) > len(zeros) // 2 and not others.count(0):
                return encoding
    return ""


def is_utf8(stream: IO[bytes]) -> bool:
    """Reads all of `stream` and returns whether it is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def proposal(stream: IO[bytes]) -> tuple[str, tuple[Change, ...]]:
    """Returns the encoding that text which is not UTF-8 may be in, and up to three lines that show it.

    Text that cannot be in any of them is taken for UTF-8, so that its rows are refused.
    """
    found: list[tuple[int, bytes]] = []
    sample: list[bytes] = []
    size, number, within = 0, 0, False
    while line := stream.readline(CHUNK):
        number += not within
        # Of a longer line only the first part is looked at; the cut may go through a character.
        first, within = not within, not line.endswith(b"\n")
        if not first or line.isascii() or _decodes(line, "utf-8"):
            continue
        if len(found) < SHOWN:
            found.append((number, line))
        sample.append(line)
        size += len(line)
        if size > SAMPLE and len(found) == SHOWN:
            break
    encoding = guessed(sample) if sample else ""
    if not encoding:
        return "utf-8", ()
    return encoding, tuple(_change(line, raw, encoding) for line, raw in found)


def guessed(lines: list[bytes]) -> str:
    """Returns windows-1252 or shift-jis for lines that are not UTF-8; empty if they are neither."""
    fits = {name: all(_decodes(line, NAMES[name]) for line in lines) for name in ("windows-1252", "shift-jis")}
    if fits["shift-jis"] and (not fits["windows-1252"] or _japanese(lines)):
        return "shift-jis"
    return "windows-1252" if fits["windows-1252"] else ""


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(line, final=len(line) < CHUNK)
    except UnicodeDecodeError:
        return False
    return True


def _japanese(lines: list[bytes]) -> bool:
    """Returns whether lines that are valid in both encodings are Japanese rather than Western European.

    Japanese has kana, or common kanji of which the second byte mostly is no ASCII letter either. In “don’t” or “déjà”,
    the byte behind a foreign one is the next letter of the word; the letters with accents begin rare kanji.
    """
    text = "".join(line.decode("cp932", "ignore") for line in lines)
    foreign = [letter for letter in text if not letter.isascii()]
    if 5 * len(KANA.findall(text)) > len(foreign):
        return True
    pairs = [pair for line in lines for pair in PAIRED.findall(line)]
    common = sum(1 for pair in pairs if pair[0] < 0xA0 and pair[1] >= 0x80)
    return 2 * common > len(pairs)


def _change(line: int, raw: bytes, encoding: str) -> Change:
    """Returns what a line looks like, from shortly before its first byte that is not ASCII."""
    place = FOREIGN.search(raw)
    start = max(0, (place.start() if place else 0) - LINE_SHOWN // 4)
    # A character of two bytes is not cut: everything before the first foreign byte has one.
    part = raw[start:].rstrip(b"\r\n")
    shown = part.decode(NAMES[encoding], "replace")[:LINE_SHOWN]
    bytes_shown = part[:LINE_SHOWN].decode("ascii", "backslashreplace")[:LINE_SHOWN]
    return Change(line, printable(bytes_shown), printable(shown))
