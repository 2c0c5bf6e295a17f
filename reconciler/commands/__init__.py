"""One file per command: typed parameters -> text on a terminal and an exit code."""
