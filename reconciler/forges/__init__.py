"""A plan in; one comment on a pull request, or one issue, out. On GitHub or GitLab."""
