"""Template sets are named on the command line by name, or by name and version."""

import pytest

from annotation.studies.lifecycle import NotPossible
from judges.judging import lookup

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("version", ["²", "x", "-1", "0", "9" * 30])
def test_a_version_that_is_none_is_refused_with_the_name(version: str) -> None:
    built_in = lookup.templates_named("", "bracketed")
    assert lookup.templates_named(f"{built_in.name}:{built_in.number}", "bracketed") == built_in
    with pytest.raises(NotPossible, match="No template set is named"):
        lookup.templates_named(f"{built_in.name}:{version}", "bracketed")
