"""A report in; a Markdown comment, or the summary of a workflow step, out. It fits a given size."""
