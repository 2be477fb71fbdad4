"""Draws the pairs of adaptive studies: what can be drawn, batches in the background, single pairs for workers."""
