"""API of judges, model answers, benchmarks, panels, schedules and tables of verdicts."""
