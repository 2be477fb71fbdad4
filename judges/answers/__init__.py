"""Answers from models: where a model is asked, and the runs that ask it."""
