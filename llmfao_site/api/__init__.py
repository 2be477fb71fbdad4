"""What the APIs of all apps share: tokens, rate limits, errors, the schema and its reference page."""
