"""File formats of judge data: MT-bench and preference sets."""
