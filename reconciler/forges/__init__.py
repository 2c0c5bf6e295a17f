"""Hosts of pull requests: a comment or an issue in; the same on GitHub or GitLab out."""
