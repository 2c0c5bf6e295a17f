"""Arguments of the command line in; typed parameters for one command, and an exit code, out."""
