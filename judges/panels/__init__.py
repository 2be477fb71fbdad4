"""Panels, which combine several judges of a study into one rater."""
