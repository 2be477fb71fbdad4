"""Statistics of verdicts: scores, accuracy, consistency and panel decisions. Pure."""
