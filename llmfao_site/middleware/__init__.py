"""Middleware: health checks, cache headers, byte-order marks, and refusals of odd encodings and of missing bodies."""
