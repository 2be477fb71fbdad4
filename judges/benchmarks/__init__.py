"""Benchmarks of judges: preference sets, the questions asked on them, and what came out."""
