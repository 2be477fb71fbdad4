"""Leaderboards of a study: computed, requested, stored as snapshots, and thinned out."""
