"""Where the key of an endpoint comes from: an environment variable, a file, or an encrypted row of the database.

What may be named is narrow on purpose. Whoever adds a judge also chooses the address that its key is sent to: without
these bounds they could have any secret of the installation sent to themselves. A row belongs to one judge or model, and
its key is only sent to the scheme, host and port that it was pasted for.
"""

import os
import re
from pathlib import Path
from typing import Final

from annotation.problems import Failure
from judges import problems

VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,90}_API_KEY")
FILE: Final = re.compile(r"file:([A-Za-z0-9][A-Za-z0-9._-]{0,90})")
STORED: Final = re.compile(r"stored:[0-9]{1,18}")


class NoKey(Failure):
    """The key is not available; the message names its place, never its value."""


def is_stored(source: str) -> bool:
    """Returns whether `source` names an encrypted row: `stored:ID`."""
    return bool(STORED.fullmatch(source))


def is_source(source: str) -> bool:
    """Returns whether `source` can name a key outside the database.

    It is empty for none, `NAME_API_KEY`, or `file:NAME` for a file in the folder of keys.
    """
    return not source or bool(VARIABLE.fullmatch(source) or FILE.fullmatch(source))


def read_key(source: str, folder: Path) -> str:
    """Returns the key that `source` names, empty for none. Files are in `folder`.

    Raises:
        NoKey: there is none.
    """
    if not source:
        return ""
    if VARIABLE.fullmatch(source):
        key = os.environ.get(source, "").strip()
        if not key:
            raise NoKey(problems.NO_VARIABLE(source=source))
    elif named := FILE.fullmatch(source):
        try:
            key = (folder / named[1]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise NoKey(problems.NO_KEY_FILE(path=str(folder / named[1]))) from None
        if not key:
            raise NoKey(problems.EMPTY_KEY_FILE(path=str(folder / named[1])))
    else:
        raise NoKey(problems.NO_KEY_NAME())
    if not (key.isascii() and key.isprintable()):
        raise NoKey(problems.ODD_KEY(source=source))
    return key
