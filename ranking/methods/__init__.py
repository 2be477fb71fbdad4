"""Ratings from comparisons: pure numerics, no database."""

from typing import Final

VERSION: Final = "6"
"""Version of the methods. Raise it when the same comparisons and settings give different numbers."""
