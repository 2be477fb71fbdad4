"""The health checks of the containers run as plain commands, and systemd accepts the units of the docs."""

import configparser
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.test import Client, override_settings

from llmfao_site import beat
from llmfao_site.models import LastBeat
from tests.arena import Arena
from tests.waiting import PATIENCE, eventually

SERVICES = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
OPERATE = (settings.BASE_DIR / "docs" / "guides" / "operate.md").read_text(encoding="utf-8")
UNITS = dict(re.findall(r"`/etc/systemd/system/(\S+)`.*?```ini\n(.*?)```", OPERATE, re.DOTALL))


def checked(service: str, **places: str) -> int:
    """Runs the health check of `service`, with the addresses of containers replaced by `places`; its exit code."""
    how, *command = SERVICES[service]["healthcheck"]["test"]
    assert how == "CMD"
    assert command[0] == "python"
    for there, here in places.items():
        command = [word.replace(f"{there.replace('_', '.')}:8000", here) for word in command]
    assert not any(":8000" in word for word in command)
    run = subprocess.run([sys.executable, *command[1:]], capture_output=True, timeout=PATIENCE, check=False)
    return run.returncode


def nowhere() -> str:
    """An address at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.django_db(transaction=True)
def test_the_web_server_is_healthy_while_it_answers(live_server):
    here = live_server.url.removeprefix("http://")
    assert checked("web", **{"127_0_0_1": here}) == 0
    assert checked("web", **{"127_0_0_1": nowhere()}) != 0


@pytest.mark.django_db(transaction=True)
def test_beat_is_healthy_while_it_gives_signs_of_life(live_server):
    here = live_server.url.removeprefix("http://")
    assert checked("beat", web=here) != 0, "before the first"
    beat.tell()
    assert checked("beat", web=here) == 0
    LastBeat.objects.update(at="2026-01-01T00:00:00Z")
    assert checked("beat", web=here) != 0, "long after the last"


@pytest.mark.django_db
def test_the_checks_of_other_containers_need_neither_a_known_host_nor_tls():
    with override_settings(ALLOWED_HOSTS=["arena.example"], SECURE_SSL_REDIRECT=True, HTTPS=True):
        for path in ("/healthz", "/readyz"):
            assert Client().get(path, headers={"host": "web:8000"}).status_code == 200


@pytest.mark.redis
def test_a_worker_is_healthy_while_it_answers(redis_server, migrated, tmp_path):
    arena = Arena(tmp_path / "data", migrated, REDIS_URL=redis_server)
    how, command = SERVICES["worker"]["healthcheck"]["test"]
    assert how == "CMD-SHELL"
    celery = f"{sys.executable} -m celery"
    # Compose writes $ as $$.
    check = command.replace("$$", "$").replace("celery ", f"{celery} ", 1).replace("--timeout 10", "--timeout 3")

    def is_healthy() -> bool:
        run = subprocess.run(
            ["sh", "-c", check],
            cwd=settings.BASE_DIR,
            env=arena.environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return run.returncode == 0

    assert not is_healthy()
    started = SERVICES["worker"]["command"]
    assert started[0] == "celery"
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", *started], cwd=settings.BASE_DIR, env=arena.environment, stdout=log, stderr=log
        )
        try:
            assert eventually(is_healthy), (tmp_path / "worker.log").read_text()
        finally:
            worker.terminate()
            worker.wait(PATIENCE)


def test_the_docs_have_a_unit_for_each_process():
    assert set(UNITS) == {"llmfao-web.service", "llmfao-worker.service", "llmfao-beat.service"}
    for text in UNITS.values():
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        unit.read_string(text)
        assert {"Unit", "Service", "Install"} <= set(unit.sections())
        assert unit["Service"]["User"] == "llmfao"
        # The second word of the first command is one that this installation has.
        program = unit["Service"]["ExecStart"].split()[0]
        assert (Path(sys.executable).parent / Path(program).name).exists(), program


@pytest.mark.once
def test_systemd_accepts_the_units(tmp_path):
    """Where systemd is installed: its own check of the files, with programs in place of those of an installation."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "gunicorn", "celery"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o700)
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text.replace("/srv/llmfao", str(tmp_path)))
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        return
    command = [analyse, "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (run.returncode, run.stderr) == (0, "")
