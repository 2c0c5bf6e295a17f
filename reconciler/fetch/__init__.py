"""Addresses -> what the API holds for them."""
