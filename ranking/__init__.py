"""Leaderboards and reports computed from the comparisons of studies."""
