"""Commands of `manage.py` that import, export, pair and simulate data and change studies."""
