"""Judge prompts: template sets, the built-in ones, and readers that parse replies."""
