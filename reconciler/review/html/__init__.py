"""The HTML report of a plan: a report in; one page that works offline out."""
