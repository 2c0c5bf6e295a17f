"""Addresses of records -> their live values, over HTTP, with few requests and rate limiting."""
