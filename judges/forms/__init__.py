"""Forms for judges, answer runs, panels, benchmarks and stability tests."""
