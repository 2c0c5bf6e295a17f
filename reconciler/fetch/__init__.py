"""Addresses -> what the API holds for them, in few requests."""
