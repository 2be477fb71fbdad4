"""Django management of rankings."""
