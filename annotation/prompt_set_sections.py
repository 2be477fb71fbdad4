"""The registry of sections on a prompt set's page, for people who may read the set.

An app registers its section from its `AppConfig.ready`; annotation shows the sections without knowing the apps.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from annotation.models import PromptSet


@dataclass(frozen=True, slots=True)
class SetSection:
    """A section of the page.

    `look(prompt_set)` returns its state as a phrase. `url_name` is the section's page, which takes the set's slug
    as its only argument.
    """

    key: str
    title: str | Promise
    url_name: str
    look: Callable[[PromptSet], str]


_sections: dict[str, SetSection] = {}


def register(section: SetSection) -> None:
    """Adds `section` to every prompt set's page.

    Raises:
        ValueError: another section has its key.
    """
    if _sections.setdefault(section.key, section) != section:
        raise ValueError(f"A section {section.key!r} is already registered.")


def registered() -> list[SetSection]:
    """Returns the sections of all apps, by key."""
    return [_sections[key] for key in sorted(_sections)]
