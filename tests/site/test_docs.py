"""The documentation matches the code, and its links resolve."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

from docs import write_commands
from llmfao_site.middleware.health import PATH as HEALTH

ROOT = settings.BASE_DIR
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def addresses(patterns: Iterable[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Every address of the site as docs/addresses.md writes it, /s/SLUG/; Django's admin counts as one."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if route == "/admin/":
            yield route
        elif isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif not route.startswith("/admin/"):
            yield re.sub(r"<\w+:(\w+)>", lambda found: found[1].upper(), route)


def test_every_command_is_described_as_it_describes_itself():
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == write_commands.text(), "run `make docs`"


def test_every_address_is_documented_and_every_documented_one_exists():
    text = (ROOT / "docs" / "addresses.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = [address for row in rows for address in re.findall(r"`([^`]+)`", row)]
    assert len(documented) == len(set(documented))
    assert set(documented) == set(addresses(get_resolver().url_patterns)) | {HEALTH}


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_links_and_pictures_of_a_page_are_there(document: Path):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'(?:src|srcset|href)="([^"#]+)"', text)
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_commands_that_a_page_names_exist(document: Path):
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) <= targets
    assert set(re.findall(r"manage\.py ([a-z][a-z-]*)", code)) <= set(get_commands())


def test_every_page_of_the_documentation_is_found_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    unlisted = [page.name for page in PAGES if page.parent.name == "docs" and f"(docs/{page.name})" not in readme]
    assert not unlisted
