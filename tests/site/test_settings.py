"""Every setting comes from the environment, is documented, and reports an error in one line."""

import logging
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import Error
from environs import EnvError

from llmfao_site import checks
from tests.waiting import PATIENCE

ROOT = settings.BASE_DIR


def manage(*words: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs manage.py with only `environment` set."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**inherited, "LLMFAO_DATA": str(data), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def settings_from(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the module of the settings makes of `environment`, with nothing else set that it reads."""
    for name in checks.variables():
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "llmfao_site" / "settings.py"))


def documented(heading: str) -> set[str]:
    """The variables in the first column of the table under `heading` in docs/reference/settings.md."""
    text = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in first_cells for name in re.findall(r"`([A-Z_]+)`", cell)}


def test_every_variable_the_settings_read_is_documented_and_no_other():
    assert documented("What the site reads") == checks.variables()


def test_every_setting_of_the_site_is_known_to_somebody():
    assert checks.check_settings(None) == []


def test_a_misspelt_variable_is_refused_with_the_right_name():
    (fault,) = checks.unknown_variables(["LLMFAO_HTTP", "LLMFAO_DATA", "HTTP_PROXY"])
    assert isinstance(fault, Error)
    assert "LLMFAO_HTTP " in fault.msg
    assert "LLMFAO_HTTPS" in str(fault.hint)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SESSION_COOKIE_SECRE", "SESSION_COOKIE_SECURE"),
        ("CELERY_TASK_ACKS_LAT", "CELERY_TASK_ACKS_LATE"),
        ("DATA_DIRECTORY", "DATA_DIR"),
    ],
)
def test_a_setting_that_nobody_reads_is_refused_with_the_nearest_name(name, meant):
    (fault,) = checks.unknown_settings([name, "DEBUG", "CELERY_TIMEZONE", "_private", "lower"])
    assert name in fault.msg
    assert meant in str(fault.hint)


@pytest.mark.once
def test_a_misspelt_variable_stops_every_command(tmp_path):
    run = manage("check", data=tmp_path, LLMFAO_SECRETKEY="x" * 60)
    assert run.returncode != 0
    assert "Did you mean LLMFAO_SECRET_KEY?" in run.stderr


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLMFAO_HTTPS", "perhaps"),
        ("LLMFAO_HSTS_SECONDS", "a year"),
        ("LLMFAO_LOG_LEVEL", "LOUD"),
        ("LLMFAO_DATABASE_POOL", "many"),
        ("LLMFAO_DATA", "/proc/nowhere"),
        ("DATABASE_URL", "mysql://user:sesame@localhost/arena"),
        ("DATABASE_URL", "postgresql://user:sesame@localhost:port/arena"),
        ("DATABASE_URL", "postgresql://user:ses[ame@localhost/arena"),
        ("DATABASE_URL", "postgresql://user:sesame@localhost"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "arena"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_line_without_the_password(tmp_path, monkeypatch, name, value):
    with pytest.raises(EnvError) as fault:
        settings_from({"LLMFAO_DATA": str(tmp_path), name: value}, monkeypatch)
    (line,) = str(fault.value).splitlines()
    assert name in line
    assert "ame@" not in line


@pytest.mark.once
def test_a_command_says_that_line_and_no_more(tmp_path):
    run = manage("check", data=tmp_path, DATABASE_URL="arena")
    assert run.returncode != 0
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith('Environment variable "DATABASE_URL" invalid')


@pytest.mark.once
def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path):
    run = manage("migrate", data=tmp_path, DATABASE_URL="postgresql://user:sesame@127.0.0.1:1/arena")
    assert run.returncode != 0
    assert "Cannot connect to the database" in run.stderr
    assert "Traceback" not in run.stderr
    assert "sesame" not in run.stderr + run.stdout


@pytest.mark.once
def test_production_settings_pass_the_deployment_check(tmp_path):
    run = manage(
        "check", "--deploy", "--fail-level", "WARNING", data=tmp_path, LLMFAO_HTTPS="true", LLMFAO_HOSTS="arena.example"
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.once
def test_settings_ask_for_nothing_and_keep_what_they_make_to_their_owner(tmp_path):
    data = tmp_path / "deep" / "data"
    assert manage("check", data=data).returncode == 0
    key = data / "secret_key"
    assert data.stat().st_mode & 0o777 == 0o700
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_text()) >= 50
    before = key.read_text()
    assert manage("check", data=data).returncode == 0
    assert key.read_text() == before


@pytest.mark.once
def test_a_data_folder_with_signs_of_an_address_in_its_name_works(tmp_path):
    data = tmp_path / "100% of #1 & more? äö"
    run = manage("migrate", "--verbosity", "0", data=data)
    assert run.returncode == 0, run.stderr
    assert (data / "llmfao.sqlite3").stat().st_size > 0


@pytest.mark.once
def test_words_in_a_list_may_have_blanks_around_them(tmp_path, monkeypatch):
    found = settings_from(
        {"LLMFAO_DATA": str(tmp_path), "LLMFAO_HOSTS": " arena.example , www.arena.example,"}, monkeypatch
    )
    assert found["ALLOWED_HOSTS"] == ["arena.example", "www.arena.example"]


def test_the_addresses_that_endpoints_are_asked_at_stay_out_of_the_log():
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)


def test_the_locks_name_no_index():
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"^-", text, re.MULTILINE)
        pinned = re.findall(r"^[a-z0-9].*$", text, re.MULTILINE)
        assert pinned
        assert all("==" in line and line.endswith("\\") for line in pinned)
