"""Files of other tools, one file a format: how it is recognised, its rows, and what it cannot carry."""
