"""Requests of the documented SMS API in; its answers out. The state is one SQLite file."""
