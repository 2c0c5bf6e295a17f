"""Plans, outcomes and problems -> output to read, one module a format."""
