"""Helpers of the judges' commands: options, progress and numbers."""
