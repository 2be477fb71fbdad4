"""Workers from joining to leaving: training, assignments, votes, reports, coverage and exclusion."""
