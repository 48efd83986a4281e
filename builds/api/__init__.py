"""`/api/` of custom images."""
