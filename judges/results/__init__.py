"""Results of judging for pages and the API: verdicts, score tables, prompts and costs."""
