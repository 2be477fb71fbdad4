"""Search among the pairs of a study."""
