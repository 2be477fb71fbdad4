"""Middleware: the health check, cache headers, and the refusal of encodings other than UTF-8 and of lost bodies."""
