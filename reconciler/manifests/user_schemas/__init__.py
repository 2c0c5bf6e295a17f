"""A JSON Schema of the user and values in; findings, and the paths to redact, out."""
