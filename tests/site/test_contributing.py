"""What people who join the project read agrees with the code: pages, diffs, names, versions."""

import re
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import draw_rooms
from tests.places import ROOT

pytestmark = pytest.mark.once

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "decisions" / "README.md",
    *DECISIONS,
]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DIFFS = re.findall(r"^```diff\n(.*?\n)```$", CONTRIBUTING, re.DOTALL | re.MULTILINE)
LONGEST = 30
"""Words in a sentence."""


def sentences(page: Path) -> list[str]:
    """The prose of a page, sentence by sentence; tables and blocks of code are none."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|^#.*$|^\|.*$", text, flags=re.MULTILINE)
    return [sentence for block in blocks for sentence in re.split(r"(?<=[.!?:])\s+", " ".join(block.split()))]


def found(dotted: str) -> Any:
    """What `dotted` names: a module, or something in one."""
    parts = dotted.split(".")
    for size in range(len(parts), 0, -1):
        try:
            thing = import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for name in parts[size:]:
            thing = getattr(thing, name)
        return thing
    raise AssertionError(f"{dotted} is not there")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_sentence_is_longer_than_thirty_words(page):
    assert [sentence for sentence in sentences(page) if len(sentence.split()) > LONGEST] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_a_page_are_targets_of_the_makefile(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(encoding="utf-8"), re.DOTALL))
    assert set(re.findall(r"\bmake (?:[A-Z]+=\S+ )?([a-z][a-z-]*)", code)) <= targets


def test_decisions_are_numbered_and_listed():
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in DECISIONS:
        title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix(f"# {int(page.name[:4])}. ")
        assert f"[{title}]({page.name})" in index


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_status_context_decision_and_consequences(page):
    text = page.read_text(encoding="utf-8")
    assert re.search(r"^Status: \w", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("number", range(4), ids=["method", "reader", "format", "setting"])
def test_a_worked_diff_fits_the_code(number):
    assert len(DIFFS) == 4
    run = subprocess.run(
        ["git", "apply", "--check", "-p0", "-"], cwd=ROOT, input=DIFFS[number], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_the_walks_name_what_is_there():
    names = re.findall(r"`((?:annotation|ranking|judges|llmfao_site)\.[\w.]+)`", ARCHITECTURE)
    assert len(names) > 20
    for name in names:
        assert found(name) is not None


def test_folders_that_the_pages_name_are_there():
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for name in re.findall(r"`((?:annotation|ranking|judges|llmfao_site|tests|locale|bench)/[\w/.-]+)`", text):
            assert (ROOT / name).exists(), f"{page.name}: {name}"


def test_the_picture_shows_every_room_of_the_contracts():
    picture = (ROOT / "docs" / "screenshots" / "rooms.svg").read_text(encoding="utf-8")
    shown = set(re.findall(r">([\w]+)</text>", picture))
    layers = [layer for each in PROJECT["tool"]["importlinter"]["contracts"] for layer in each.get("layers", [])]
    apps = set(PROJECT["tool"]["importlinter"]["root_packages"])
    rooms = {room for layer in layers for room in re.findall(r"\w+", layer)} - apps
    assert shown == rooms
    assert picture == draw_rooms.drawing(), "run `make docs`"


def test_the_version_is_one():
    version = PROJECT["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = [title.split()[0] for title in re.findall(r"^## (.+)$", changelog, re.MULTILINE) if title != "Unreleased"]
    assert str(citation["version"]) == version == newest[0]
    assert citation["license"] == PROJECT["project"]["license"]


def test_the_workflow_runs_what_continuous_integration_runs():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"


def test_hooks_before_a_commit_are_the_tools_of_lint():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlint:")[1].split("\n\n")[0]
    for hook in hooks:
        program = hook["entry"].split()[0].removeprefix(".venv/bin/")
        assert f"$(BIN)/{program}" in lint
