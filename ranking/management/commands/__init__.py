"""Commands that print leaderboards and agreement reports."""
