"""Plans of studies: what a pilot's leaderboard tells them, and the background work that simulates them."""
