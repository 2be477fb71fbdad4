"""What all tests of boards share."""

import math

import pytest

from annotation import snapshots


@pytest.fixture(autouse=True)
def _no_board_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy a board may take seconds; only the tests of the pace make it wait for that."""
    monkeypatch.setattr(snapshots, "LONG", math.inf)
