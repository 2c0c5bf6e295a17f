"""Addresses of records in; their live values out, over HTTP, at a limited rate."""
