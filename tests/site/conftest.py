import pytest
from django.core.cache import caches

from tests.judges.conftest import stand_in

__all__ = ["stand_in"]


@pytest.fixture(autouse=True)
def nobody_has_asked_the_api_yet():
    caches["api"].clear()
