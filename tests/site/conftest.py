import pytest
from django.core.cache import caches


@pytest.fixture(autouse=True)
def nobody_has_asked_the_api_yet():
    caches["api"].clear()
