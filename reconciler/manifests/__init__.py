"""YAML or JSON files -> checked records, and records -> files. Only this package reads YAML."""
