"""Measurements against real services; see README.md. Not tests: nothing here passes or fails."""
