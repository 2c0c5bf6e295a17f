"""The parameters of one command in; text and an exit code out. One file per command."""
