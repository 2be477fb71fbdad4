"""Compiles message catalogues: those named, or all of them. Translations marked as fuzzy are left out.

Runs as a file, under any Python that has polib; `make install` and the image use it.
"""

import sys
from pathlib import Path

import polib


def compiled(path: Path) -> Path:
    """Where the catalogue at `path`, which is written as text, is found in its compiled form."""
    target = path.with_suffix(".mo")
    # Written beside it and moved: a running site never reads half a catalogue.
    draft = path.with_suffix(".mo.new")
    polib.pofile(str(path)).save_as_mofile(str(draft))
    return draft.replace(target)


if __name__ == "__main__":
    named = [Path(name) for name in sys.argv[1:]]
    for path in named or sorted(Path(__file__).parent.glob("*/LC_MESSAGES/*.po")):
        compiled(path)
