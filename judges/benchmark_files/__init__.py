"""MT-bench files of a study: imports their rows and exports them."""
