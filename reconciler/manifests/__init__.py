"""YAML or JSON files in; checked records out, and back into files. Only this room reads YAML."""
