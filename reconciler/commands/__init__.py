"""One file a command: typed parameters in; words and an exit code out."""
