"""Records, live values and a base in; a plan out, and the plan file."""
