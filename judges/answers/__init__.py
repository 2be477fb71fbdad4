"""Answers from models: their endpoints, and the runs that ask them."""
