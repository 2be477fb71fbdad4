import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.waiting import PATIENCE


def manage(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment = {**kept, "LLMFAO_DATA": str(data), "DJANGO_SETTINGS_MODULE": "llmfao_site.settings"}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.once
def test_the_first_command_after_an_installation_finds_its_tables(tmp_path):
    models = tmp_path / "models.jsonl"
    models.write_text('{"id": 1, "name": "Alder"}\n')
    loaded = manage(tmp_path / "data", "load", str(models), "--study", "first")
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert "models: 1 new" in loaded.stdout
    exported = manage(tmp_path / "data", "export", "models", "first")
    assert exported.stdout.startswith('{"id":1,')


@pytest.mark.once
def test_help_touches_no_database(tmp_path):
    assert manage(tmp_path / "data", "load", "--help").returncode == 0
    assert not (tmp_path / "data" / "llmfao.sqlite3").exists()
