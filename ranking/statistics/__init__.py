"""Statistics of comparisons: agreement, bias, and which models a board separates. Pure."""
