"""Writes the table of formats in docs/guides/bring-your-own-data.md from the registry of formats: `make docs`."""

import os
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FILE: Final = ROOT / "docs" / "guides" / "bring-your-own-data.md"

HEADING: Final = "## Formats\n"
"""The heading of the section that is written. It ends where the next one begins."""

INTRODUCTION: Final = (
    "The names in the second column are those of `manage.py load --format`. What an export in the format and another "
    "upload would lose is listed below the table.\n"
)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def section() -> str:
    """Returns the section: a row for each format, and what each one that is also written cannot carry."""
    from annotation.importing.registry import LABELS
    from annotation.interchange.registry import FORMATS

    rows, lost = [], []
    for known in FORMATS.values():
        kinds = dict.fromkeys(row for kind in known.kinds for row in known.rows_of(kind))
        becomes = ", ".join(LABELS[kind].lower() if kind in LABELS else kind for kind in kinds)
        rows.append(
            f"| {_cell(known.label)} | `{known.name}` | {_cell(known.help.removesuffix('.'))} | {_cell(becomes)} |"
        )
        if known.cannot_carry:
            lost.append(f"- **{known.label}**: {'; '.join(known.cannot_carry)}.")
    table = ["| Tool | Format | Files | Become |", "|---|---|---|---|", *rows]
    return "\n".join([HEADING, INTRODUCTION, *table, "", *lost, ""]) + "\n"


def text() -> str:
    """Returns the whole page, with the section as it should be."""
    page = FILE.read_text(encoding="utf-8")
    written = section()
    return re.sub(re.escape(HEADING) + r".*?(?=^## |\Z)", lambda _match: written, page, flags=re.DOTALL | re.MULTILINE)


def main() -> None:
    """Writes the page."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")
    import django

    django.setup()
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
