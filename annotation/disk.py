"""Whether the server's disk is full, whoever noticed it: the file system, PostgreSQL or SQLite."""

import errno
from collections.abc import Iterator
from typing import Final

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_POSTGRESQL: Final = "53100"
_OF_SQLITE: Final = "database or disk is full"


def is_full(error: BaseException | None) -> bool:
    """Returns whether `error`, or one that led to it, says that the disk is full."""
    return any(_says_so(each) for each in _chain(error))


def _says_so(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return getattr(error, "sqlstate", None) == _OF_POSTGRESQL or _OF_SQLITE in str(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
