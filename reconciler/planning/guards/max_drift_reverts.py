"""max_drift_reverts: the number of live changes made outside git that a run may revert."""

from reconciler.model import Origin
from reconciler.planning.guards.guard import Guard

GUARD = Guard(
    "max_drift_reverts",
    lambda change: change.origin is Origin.DRIFT,
    "with a live change that was not made in git, which would be reverted",
    needs_base=True,
)
