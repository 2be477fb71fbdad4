"""Studies from draft to deletion: their settings, states, texts, completion codes and colleagues."""
