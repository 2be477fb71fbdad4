"""Template tags of annotation."""
