"""Benchmarks of judges: preference sets, calls and results."""
