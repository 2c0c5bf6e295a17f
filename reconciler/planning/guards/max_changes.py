"""max_changes: the number of records that a run may write."""

from reconciler.planning.guards.guard import Guard

GUARD = Guard("max_changes", lambda _: True, "would be written")
