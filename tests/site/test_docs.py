"""The documentation matches the code, and its links resolve."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

from annotation.interchange.registry import FORMATS
from docs import write_commands, write_layouts
from llmfao_site.middleware.health import PATH as HEALTH
from llmfao_site.middleware.health import READY_PATH as READY

ROOT = settings.BASE_DIR
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def addresses(patterns: Iterable[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Every address of the site as docs/reference/addresses.md writes it, /s/SLUG/; Django's admin counts as one."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if route == "/admin/":
            yield route
        elif isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif not route.startswith("/admin/"):
            yield re.sub(r"<\w+:(\w+)>", lambda found: found[1].upper(), route)


def test_every_command_is_described_as_it_describes_itself():
    assert (DOCS / "reference" / "commands.md").read_text(encoding="utf-8") == write_commands.text(), "run `make docs`"


def test_the_guide_to_ones_own_data_lists_every_format_and_what_it_loses():
    page = write_layouts.FILE.read_text(encoding="utf-8")
    assert page == write_layouts.text(), "run `make docs`"
    for known in FORMATS.values():
        assert f"| `{known.name}` |" in page
        assert all(lost in page for lost in known.cannot_carry)


def test_every_address_is_documented_and_every_documented_one_exists():
    text = (DOCS / "reference" / "addresses.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = [address for row in rows for address in re.findall(r"`([^`]+)`", row)]
    assert len(documented) == len(set(documented))
    assert set(documented) == set(addresses(get_resolver().url_patterns)) | {HEALTH, READY}


@pytest.mark.parametrize("document", PAGES, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_and_pictures_of_a_page_are_there(document: Path):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'(?:src|srcset|href)="([^"#]+)"', text)
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", PAGES, ids=lambda document: str(document.relative_to(ROOT)))
def test_commands_that_a_page_names_exist(document: Path):
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) <= targets
    assert set(re.findall(r"manage\.py ([a-z][a-z-]*)", code)) <= set(get_commands())


def test_every_page_is_listed_in_the_index_and_the_readme_leads_there():
    index = DOCS / "index.md"
    listed = set(re.findall(r"\]\(([^)#]+\.md)\)", index.read_text(encoding="utf-8")))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {index.name}
    assert "(docs/index.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
