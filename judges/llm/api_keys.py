"""Where the key of an endpoint comes from: a variable of the environment, or a file. Never from the database.

What may be named is narrow on purpose. Whoever adds a judge also says which address its key is sent
to: without these bounds they could have any secret of the installation sent to themselves.
"""

import os
import re
from pathlib import Path
from typing import Final

from annotation.problems import Failure
from judges import problems

VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,90}_API_KEY")
FILE: Final = re.compile(r"file:([A-Za-z0-9][A-Za-z0-9._-]{0,90})")


class NoKey(Failure):
    """The key is not available; the message names its place, never its value."""


def is_source(source: str) -> bool:
    """Whether `source` can name a key: empty for none, `NAME_API_KEY`, or `file:NAME` in the folder of keys."""
    return not source or bool(VARIABLE.fullmatch(source) or FILE.fullmatch(source))


def read_key(source: str, folder: Path) -> str:
    """The key that `source` names, empty for none. Files stand in `folder`.

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
