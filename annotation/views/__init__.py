"""The pages for workers and for people who manage studies."""
