"""Whatever a worker's request can be refused for has a page."""

from types import ModuleType

import pytest

from annotation import scales
from annotation.views.worker import REFUSALS
from annotation.voting import assignments, leaving, training, votes

pytestmark = pytest.mark.once


def exceptions(module: ModuleType) -> set[type[Exception]]:
    """The exceptions that `module` defines."""
    found = (each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Exception))
    return {each for each in found if each.__module__ == module.__name__}


def test_every_refusal_of_voting_has_its_page() -> None:
    modules = (assignments, votes, training, leaving, scales)
    assert set(REFUSALS) == set().union(*map(exceptions, modules))
