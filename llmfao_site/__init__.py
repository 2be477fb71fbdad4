"""The project that joins annotation, ranking and judges into one site."""
