"""max_clears: the number of records that a run may clear."""

from reconciler.model import Action
from reconciler.planning.guards.guard import Guard

GUARD = Guard("max_clears", lambda change: change.action is Action.CLEAR, "would be cleared")
