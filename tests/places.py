"""Where things lie: the checkout, and the real data beside it, which only some machines have."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
REAL_DATA: Final = ROOT.parent / "shared" / "data"
