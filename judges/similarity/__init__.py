"""How alike two models' answers are, and the prompts on which two models differ most (MAD competition)."""
