"""Template filters for verdicts, grades and stability tests."""
