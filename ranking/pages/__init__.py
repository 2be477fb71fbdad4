"""Prepares leaderboards, reports and pairs for their pages."""
