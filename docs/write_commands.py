"""Writes docs/reference/commands.md from what the commands say about themselves: `make docs`."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "reference" / "commands.md"

HEAD = """# Commands

All of them are run as `.venv/bin/python manage.py COMMAND`, or as `llmfao COMMAND` where the site is
installed from a wheel. With `--help` they say what is here.
`STUDY` is a study's address (its slug). Data goes to standard output, everything else to standard
error; a command that could not do what it was asked ends with a code other than 0. Written by
`make docs`; a test holds this file to the commands.
"""


def commands() -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """Name, parser and help of every command of ours, in the order of their names."""
    from django.apps import apps
    from django.core.management import get_commands, load_command_class

    ours = {app.name for app in apps.get_app_configs() if Path(app.path).parent == ROOT}
    for name, app in sorted(get_commands().items()):
        if app in ours:
            command = load_command_class(app, name)
            yield name, command.create_parser("manage.py", name), command.help


def described(name: str, parser: argparse.ArgumentParser, about: str) -> str:
    """Returns the section of a command: its help, and a table of its options."""
    from django.core.management.base import DjangoHelpFormatter

    formatter = parser._get_formatter()
    rows, usage = [], []
    for action in parser._actions:
        # The options of every command of Django's are not worth a row in each.
        if DjangoHelpFormatter.show_last.intersection(action.option_strings) or "--help" in action.option_strings:
            continue
        value = _value(action)
        if action.option_strings:
            names = ", ".join(f"`{option} {value}`" if value else f"`{option}`" for option in action.option_strings)
            negatable = isinstance(action, argparse.BooleanOptionalAction)
            word = f"{action.option_strings[0 if negatable else -1]} {value}".strip()
            usage.append(word if action.required else f"[{word}]")
        else:
            names = f"`{value}`"
            usage.append(value)
        meaning = formatter._expand_help(action) if action.help else ""
        rows.append(f"| {names} | {meaning} |".replace("people|NAME|all", "people\\|NAME\\|all"))
    lines = [f"## {name}", "", " ".join(str(about).split()), "", "```", " ".join(["manage.py", name, *usage]), "```"]
    if rows:
        lines += ["", "| argument | meaning |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _value(action: argparse.Action) -> str:
    """What stands for the value in the usage, such as STUDY, {a,b} or PATH ..."""
    if action.nargs == 0:
        return ""
    if action.metavar is not None:
        name = " ".join(action.metavar) if isinstance(action.metavar, tuple) else action.metavar
    elif action.choices is not None:
        name = "{" + ",".join(map(str, action.choices)) + "}"
    else:
        name = action.dest.upper() if action.option_strings else action.dest
    return {"*": f"[{name} ...]", "+": f"{name} ...", "?": f"[{name}]"}.get(str(action.nargs), name)


def text() -> str:
    """Returns the whole page."""
    return "\n".join([HEAD, *(described(*command) for command in commands())])


def main() -> None:
    """Writes the page."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")
    import django

    django.setup()
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
