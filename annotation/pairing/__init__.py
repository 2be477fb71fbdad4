"""Strategies that choose which results of a prompt to compare: texts in, pairs of indices out.

Pure: no database, and the random generator is an argument. A strategy is a file here and a line in `registry`.
"""
