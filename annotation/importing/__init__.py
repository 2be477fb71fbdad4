"""Imports files into studies, in the foreground or in the background, and undoes uploads."""
