"""Commands that add judges, run them, and work with panels, benchmarks and model answers."""
