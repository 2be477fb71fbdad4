"""File formats: reads and writes rows of exchange files, without the database."""
