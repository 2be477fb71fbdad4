"""How a set of templates is named on the command line: by its name, or with a version."""

import pytest

from annotation.services.studies import NotPossible
from judges.services import naming

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("version", ["²", "x", "-1", "0", "9" * 30])
def test_a_version_that_is_none_is_refused_with_the_name(version: str) -> None:
    built_in = naming.templates_named("", "bracketed")
    assert naming.templates_named(f"{built_in.name}:{built_in.number}", "bracketed") == built_in
    with pytest.raises(NotPossible, match="There is no set of templates"):
        naming.templates_named(f"{built_in.name}:{version}", "bracketed")
