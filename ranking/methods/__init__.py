"""Ratings from comparisons: pure numerics, no database."""

from typing import Final

VERSION: Final = "5"
"""Of the numerics: it is raised when the same comparisons and settings come to other numbers."""
