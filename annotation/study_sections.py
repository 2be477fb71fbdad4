"""The registry of sections on a study's overview.

An app registers its section from its `AppConfig.ready`; annotation shows the sections without knowing the apps:

    study_sections.register(Section(key="results", title=_("Results"), position=50, url_name="leaderboard", look=look))

`look(study, at)` returns the section's state as a phrase, and sensible next steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.functional import Promise

from annotation.models import Study

type Tone = Literal["empty", "busy", "attention", "ready"]
"""The tone of a section: nothing there yet, working, needs attention, ready."""


@dataclass(frozen=True, slots=True)
class Step:
    """A sensible next step; the page shows the step with the lowest `urgency` first.

    Urgencies in use: 0-9 errors, 10-19 data, 20-29 pairs, 30-39 before the start, 40-49 while people vote, 50-59
    results, 90-99 the end. `url_name` takes the study's slug.
    """

    urgency: int
    text: str
    label: str
    url_name: str


@dataclass(frozen=True, slots=True)
class SectionState:
    """The state of a section as a phrase, such as "2,139 pairs, 61% covered, about 3 days left"."""

    phrase: str
    tone: Tone = "ready"
    steps: tuple[Step, ...] = ()
    share: float | None = None
    """The share that is done, in [0, 1], if a progress bar is useful."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the overview.

    `position` orders them: data 10, pairs 20, workers 30, judges 40, results 50, export 60. `url_name` is the
    section's page, which takes the study's slug as its only argument.
    """

    key: str
    title: str | Promise
    position: int
    url_name: str
    look: Callable[[Study, datetime], SectionState]


@dataclass(frozen=True, slots=True)
class Tool:
    """A page beside the studies that helps to prepare one: a link on the list of studies and on drafts.

    `url_name` takes no argument; from a draft it is opened with `?study=` and the draft's address.
    """

    title: str | Promise
    url_name: str


_sections: dict[str, Section] = {}


def register(section: Section) -> None:
    """Adds `section` to every study's page.

    Raises:
        ValueError: another section has its key.
    """
    if _sections.setdefault(section.key, section) != section:
        raise ValueError(f"A section {section.key!r} is already registered.")


_tools: dict[str, Tool] = {}


def register_tool(tool: Tool) -> None:
    """Adds a link to `tool` to the list of studies and to drafts."""
    _tools[tool.url_name] = tool


def tools() -> list[Tool]:
    """Returns the registered tools of all apps."""
    return list(_tools.values())


def registered() -> list[Section]:
    """Returns the sections of all apps in the order in which the overview shows them."""
    return sorted(_sections.values(), key=lambda section: (section.position, section.key))
