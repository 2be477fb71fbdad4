"""The container files match the settings: no unknown variables, and no defaults for secrets."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from django.conf import settings

from llmfao_site import checks
from tests.site.test_settings import documented
from tests.waiting import PATIENCE

ROOT = settings.BASE_DIR
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SITE = ("migrate", "web", "worker", "beat")
GIVEN = {
    "POSTGRES_PASSWORD": "elephant-1",
    "REDIS_PASSWORD": "lobster-2",
    "LLMFAO_SECRET_KEY": "0123456789" * 6,
    "LLMFAO_HOSTS": "arena.example",
}
"""The variables that the .env file must set."""


def filled_in(value: str, given: dict[str, str]) -> str:
    """Expands ${NAME:?...} and ${NAME:-default} in `value` from `given`, as compose does."""

    def one(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if kind == "?" and not given.get(name):
            raise KeyError(name)
        return given.get(name) or rest

    return re.sub(r"\$\{([A-Z_]+):([?-])([^}]*)\}", one, value)


def test_the_variables_of_the_site_are_those_its_settings_read():
    for name in SITE:
        assert set(COMPOSE["services"][name]["environment"]) - {"WEB_CONCURRENCY"} <= checks.variables()


def test_whoever_starts_it_sets_documented_variables_only_and_must_set_the_secrets():
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", TEXT))
    assert asked <= documented("What the site reads") | documented("What starts the site")
    required = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    assert required == set(GIVEN)
    assert not re.findall(r"\$\{[A-Z_]*(?:PASSWORD|KEY)[A-Z_]*(?!:\?|[A-Z_])", TEXT)


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_no_service_holds_a_password_of_its_own(name):
    for variable, value in COMPOSE["services"][name]["environment"].items():
        if re.search("PASSWORD|KEY|AUTH|URL", variable):
            assert "${" in value


@pytest.mark.once
def test_what_they_are_given_passes_the_deployment_check_the_stack_starts_with(tmp_path):
    environment = {name: filled_in(value, GIVEN) for name, value in COMPOSE["services"]["web"]["environment"].items()}
    inherited = {"PATH": os.environ["PATH"], "LLMFAO_DATA": str(tmp_path)}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_one_image_runs_unprivileged_and_everything_long_lived_says_how_it_is():
    for name in SITE:
        service = COMPOSE["services"][name]
        assert service["image"] == COMPOSE["services"]["web"]["image"]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    for name in ("web", "worker", "beat", "database", "redis"):
        assert COMPOSE["services"][name]["healthcheck"]["test"]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    user = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)
    assert user
    assert not user[-1].startswith(("0", "root"))
    assert "--require-hashes" in dockerfile


def test_services_wait_for_services_and_use_volumes_that_exist():
    for service in COMPOSE["services"].values():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_the_image_holds_every_package_of_ours_and_what_they_read():
    wanted = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packages = {name.split(".")[0] for name in settings.INSTALLED_APPS if (ROOT / name.split(".")[0]).is_dir()}
    assert packages <= wanted
    assert {"templates", "static", "locale", "sample", "manage.py", "gunicorn.conf.py", "requirements.lock"} <= wanted
    assert all((ROOT / name).exists() for name in wanted)


def test_only_the_web_server_is_reached_from_outside_and_only_from_this_machine():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["web"]
    (port,) = COMPOSE["services"]["web"]["ports"]
    assert port.startswith("127.0.0.1:")
