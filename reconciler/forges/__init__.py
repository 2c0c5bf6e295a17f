"""A plan -> one comment on a pull request, or one issue, on GitHub or GitLab."""
