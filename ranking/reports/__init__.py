"""Reports on a study's raters: agreement and biases, and ratings side by side."""
