"""Judging of studies: judges, plans, runs, requests, schedules and stability tests."""
