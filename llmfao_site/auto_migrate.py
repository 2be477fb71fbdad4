"""The tables of a database file that was made a moment ago.

Somebody who has just installed the site loads files first; that SQLite file holds nothing that a
migration could harm. A database on a server is migrated by hand, as its operator decides.
"""

from django.core.management import call_command, get_commands
from django.db import connection

OURS = frozenset({"annotation", "ranking", "judges"})

WITHOUT_TABLES = frozenset({"mock-llm"})


def prepare(command: str) -> bool:
    """Makes the tables if `command` is one of ours and the SQLite file is empty; says whether it did."""
    if command in WITHOUT_TABLES or get_commands().get(command) not in OURS:
        return False
    if connection.vendor != "sqlite" or connection.introspection.table_names():
        return False
    call_command("migrate", verbosity=0, interactive=False)
    return True
