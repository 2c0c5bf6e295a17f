"""A report in; one HTML page that works offline out."""
