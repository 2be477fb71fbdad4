"""The command line: `manage.py` in a checkout, `llmfao` where the site is installed from a wheel."""

import os
import sys
import tempfile
from pathlib import Path

WITHOUT_DATA = frozenset({"board", "help", "version", "-h", "--help", "--version"})
"""First words of command lines that store nothing, and so must leave no folder behind."""


def main() -> None:
    """Runs a command, after creating the tables of a new SQLite file; reports common mistakes in one line."""
    if sys.version_info < (3, 12):  # noqa: UP036  an older interpreter is what this is about
        sys.exit(
            "LLMFAO needs Python 3.12 or newer; this is "
            + sys.version.split()[0]
            + ". Run it as .venv/bin/python manage.py after `make install`."
        )
    for word in sys.argv[1:]:
        # File names may be invalid UTF-8; any other argument that is could be neither stored nor printed.
        if not _is_text(word) and not Path(word).exists():
            sys.exit(f"This argument is not valid UTF-8 and names no file: {word!a}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")
    if _stores_nothing(sys.argv[1:]):
        # The settings need a folder, for a key that nothing is signed with and a broker that nothing is sent to.
        with tempfile.TemporaryDirectory(prefix="llmfao-") as folder:
            os.environ["LLMFAO_DATA"] = folder
            _run()
    else:
        _run()


def _stores_nothing(words: list[str]) -> bool:
    return not words or words[0] in WITHOUT_DATA or bool({"-h", "--help"} & {*words})


def _run() -> None:
    try:
        import django
        from django.core.management import execute_from_command_line
        from environs import EnvError
    except ImportError:
        sys.exit("Django is not installed. Run `make install`, then .venv/bin/python manage.py ...")
    try:
        if len(sys.argv) > 1 and not {"-h", "--help"} & set(sys.argv):
            django.setup()
            from llmfao_site import auto_migrate

            auto_migrate.prepare(sys.argv[1])
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader closed the pipe, as `head` does. Python would report that when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except EnvError as fault:
        # An invalid environment variable is reported in one line, without a traceback.
        sys.exit(str(fault))


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
