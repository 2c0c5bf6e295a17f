"""Markdown that always fits: a report in; a comment or the summary of a step out."""
