"""max_clears: how many records may end up empty."""

from reconciler.model import Action
from reconciler.planning.guards.guard import Guard

GUARD = Guard("max_clears", lambda change: change.action is Action.CLEAR, "to be cleared")
