"""A plan in; the outcome of every change out, and a journal of all writes."""
