"""API of leaderboards and of the agreement report."""
