"""Runs of calls to language models: lifecycle, senders, stored calls and progress."""
