"""Builds the wheel: adds to the packages what lies beside them in a checkout. Runs where a wheel is built only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polib
from setuptools.command.build_py import build_py

TARGET: Final = Path("llmfao_site", "data")
"""Where `llmfao_site.settings` looks for it, below the folder of installed packages."""

FOLDERS: Final = ("docs", "sample", "static", "templates")
FILES: Final = ("gunicorn.conf.py", "manage.py")
CATALOGUES: Final = "locale/*/LC_MESSAGES/*.po"

ROOT: Final = Path()
"""The checkout: build tools run in it."""


def carried() -> Iterator[Path]:
    """Yields the files that the wheel carries as they are. The scripts in docs/ write its pages, so they stay."""
    for folder in FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and _is_content(path))
    yield from (ROOT / name for name in FILES)


def _is_content(path: Path) -> bool:
    return path.suffix not in {".py", ".pyc"} and not any(part.startswith(".") for part in path.parts)


class BuildWithData(build_py):
    """Setuptools' copying of modules, and then of the other files."""

    def run(self) -> None:
        """Copies the modules and, unless they are used where they are, the files beside them."""
        super().run()
        if self.editable_mode:
            return
        for source, target in self._targets().items():
            self.mkpath(str(target.parent))
            if source.suffix == ".po":
                # As locale/compile.py does: translations marked as fuzzy are left out.
                polib.pofile(str(source)).save_as_mofile(str(target))
            else:
                self.copy_file(str(source), str(target))

    def _targets(self) -> dict[Path, Path]:
        """Maps each file of the checkout to its place in the wheel; catalogues are compiled there."""
        folder = Path(self.build_lib) / TARGET
        catalogues = sorted(ROOT.glob(CATALOGUES))
        return {path: folder / path for path in carried()} | {
            path: (folder / path).with_suffix(".mo") for path in catalogues
        }

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Returns the files that were built."""
        outputs: list[str] = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, *map(str, self._targets().values())]

    def get_source_files(self) -> list[str]:
        """Returns the files that a source distribution needs to build the same wheel."""
        return [*super().get_source_files(), *map(str, self._targets())]
