"""The registry of what a study's page shows: its overview, one section per subject.

An app registers its section from its `AppConfig.ready`; annotation shows the sections and knows none
of the apps behind them:

    sections.register(Section(key="results", title=_("Results"), position=50, url_name="leaderboard", look=look))

`look(study, at)` says how things stand in a phrase, and what would be sensible to do next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.functional import Promise

from annotation.models import Study

type Tone = Literal["empty", "busy", "attention", "ready"]
"""How a section stands: nothing there yet, at work, wants a look, as it should be."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something sensible to do next: the page offers the step of least `urgency` on top.

    Urgencies in use: 0-9 something is wrong, 10-19 data, 20-29 pairs, 30-39 before the start,
    40-49 while people vote, 50-59 results, 90-99 the end. `url_name` takes the study's slug.
    """

    urgency: int
    text: str
    label: str
    url_name: str


@dataclass(frozen=True, slots=True)
class SectionState:
    """How a section stands: one phrase, such as "2,139 pairs, 61 % covered, about 3 days left"."""

    phrase: str
    tone: Tone = "ready"
    steps: tuple[Step, ...] = ()
    share: float | None = None
    """How much of it is done, in [0, 1], where a bar says more than words."""


@dataclass(frozen=True, slots=True)
class Section:
    """`position` orders the overview: data 10, pairs 20, workers 30, judges 40, results 50, export 60.

    `url_name` is the page behind the section and takes the study's slug as its one argument.
    """

    key: str
    title: str | Promise
    position: int
    url_name: str
    look: Callable[[Study, datetime], SectionState]


_sections: dict[str, Section] = {}


def register(section: Section) -> None:
    """Puts `section` on every study's page.

    Raises:
        ValueError: another section has its key.
    """
    if _sections.setdefault(section.key, section) != section:
        raise ValueError(f"A section {section.key!r} is registered already.")


def registered() -> list[Section]:
    return sorted(_sections.values(), key=lambda section: (section.position, section.key))
