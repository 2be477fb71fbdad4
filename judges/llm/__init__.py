"""Access to language models: chat and reward endpoints, API keys, rate limits, and a mock."""
