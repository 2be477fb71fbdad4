"""Pages of judges, runs, model answers, panels, benchmarks and verdicts."""
