"""Creates the tables of a new, empty SQLite file.

After an installation the first command may be an import; migrating an empty file cannot harm any data.
A database on a server is migrated by its operator.
"""

from django.core.management import call_command, get_commands
from django.db import connection

OURS = frozenset({"annotation", "ranking", "judges"})

WITHOUT_TABLES = frozenset({"board", "mock-llm"})


def prepare(command: str) -> bool:
    """Creates the tables if `command` is one of ours and the SQLite file is empty; returns whether it did."""
    if command in WITHOUT_TABLES or get_commands().get(command) not in OURS:
        return False
    if connection.vendor != "sqlite" or connection.introspection.table_names():
        return False
    call_command("migrate", verbosity=0, interactive=False)
    return True
