"""Where things lie: the checkout, and the real data beside it, which only some machines have."""

from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
REAL_DATA: Final = ROOT.parent / "shared" / "data"
WITHOUT_DATA: Final = "real data that is not part of the project is missing: "


def needs_real_data(name: str) -> pytest.MarkDecorator:
    """Returns the mark of tests that read the file or folder `name` of the real data: without it they are skipped."""
    return pytest.mark.skipif(not (REAL_DATA / name).exists(), reason=f"{WITHOUT_DATA}../shared/data/{name}")
