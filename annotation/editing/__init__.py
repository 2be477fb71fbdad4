"""Changing single rows by hand: models, prompts and answers of a prompt set, training and check pairs of a study."""
