"""The commands of annotation, and what several of them share."""
