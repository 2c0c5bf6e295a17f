"""max_drift_reverts: how many changes that somebody made behind git's back may be undone."""

from reconciler.model import Origin
from reconciler.planning.guards.guard import Guard

GUARD = Guard(
    "max_drift_reverts",
    lambda change: change.origin is Origin.DRIFT,
    "changed behind git's back, to be changed back",
)
