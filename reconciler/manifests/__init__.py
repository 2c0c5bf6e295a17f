"""YAML or JSON files in; checked records out, and back into files. All that knows YAML is here."""
