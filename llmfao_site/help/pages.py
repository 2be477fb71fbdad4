"""The pages of docs/, found by their names and rendered for the site.

A process reads each page once, as it does its templates: they change with the code and not while it runs.
"""

import posixpath
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from annotation.markup import Heading, render_page

FOLDER: Final[Path] = settings.BASE_DIR / "docs"
INDEX: Final = "index"
PICTURES: Final = "screenshots/"
"""The folder of docs/ whose files are static files of the site."""

_LISTED: Final = re.compile(r"\]\(([\w/.-]+)\.md\)")


@dataclass(frozen=True, slots=True)
class HelpPage:
    """A page of the documentation; `name` is its path in docs/ without the ending, such as guides/operate."""

    name: str
    title: str
    html: SafeString
    headings: tuple[Heading, ...]

    @property
    def address(self) -> str:
        return address(self.name)

    @property
    def section(self) -> str:
        """The folder that the page is in; empty for the index and what lies beside it."""
        return posixpath.dirname(self.name)


@cache
def names() -> tuple[str, ...]:
    """The names of all pages, the index first and the others in the order in which it lists them."""
    listed = _LISTED.findall((FOLDER / f"{INDEX}.md").read_text(encoding="utf-8"))
    found = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md"))
    order = {name: number for number, name in enumerate([INDEX, *listed])}
    return tuple(sorted(found, key=lambda name: order.get(name, len(order))))


@cache
def page(name: str) -> HelpPage:
    """The page of that name; KeyError where there is none. `name` may come from a stranger."""
    if name not in names():
        raise KeyError(name)
    source = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    read = render_page(source, lambda link: _followed(link, posixpath.dirname(name)))
    # Sanitised like every text.
    return HelpPage(name, read.title, mark_safe(read.html), read.headings)  # noqa: S308


def section_pages(section: str) -> list[HelpPage]:
    """The pages of a section, in the order of the index."""
    return [page(name) for name in names() if posixpath.dirname(name) == section]


def address(name: str, anchor: str = "") -> str:
    """The address of a page, or of a section of it."""
    path = reverse("help") if name == INDEX else reverse("help-page", args=[name])
    return f"{path}#{anchor}" if anchor else path


def _followed(link: str, folder: str) -> str | None:
    """The site's address for a link or a picture of a page in `folder` of docs/; None if the site does not have it."""
    if re.match(r"[a-z]+:|#", link):
        return link
    path, _, anchor = link.partition("#")
    target = posixpath.normpath(posixpath.join(folder, path))
    if target.startswith(PICTURES):
        return static(f"docs/{target}")
    name, ending = posixpath.splitext(target)
    return address(name, anchor) if ending == ".md" and name in names() else None
