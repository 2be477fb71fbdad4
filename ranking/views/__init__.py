"""Pages and downloads of leaderboards, reports and pairs."""
