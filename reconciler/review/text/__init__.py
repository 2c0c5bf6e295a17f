"""A report, outcomes or problems in; the lines that a person reads on a terminal out."""
