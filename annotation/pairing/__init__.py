"""Which results of one prompt are compared with which: texts in, pairs of their places out.

Pure: no database, the randomness is an argument. A strategy is a file here and a line in `registry`.
"""
