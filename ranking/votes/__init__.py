"""Comparisons as arrays, and facts about them."""
