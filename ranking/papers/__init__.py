"""What a paper takes from a board: charts, tables, a citation, a paragraph of methods, and how to recompute it."""
