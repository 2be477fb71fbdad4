"""New prompts that a model writes from seed prompts, iteration by iteration, and their review."""
