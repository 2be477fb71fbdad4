"""Exports studies: single files of the exchange format, and whole studies in other formats."""
