"""The read-only API of studies and their data."""
