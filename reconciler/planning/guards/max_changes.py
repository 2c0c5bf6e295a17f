"""max_changes: how many records a run may write at all."""

from reconciler.planning.guards.guard import Guard

GUARD = Guard("max_changes", lambda _: True, "to be written")
