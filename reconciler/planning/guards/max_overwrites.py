"""max_overwrites: how many records that are new in git may lose what somebody else put there."""

from reconciler.model import Origin
from reconciler.planning.guards.guard import Guard

GUARD = Guard(
    "max_overwrites",
    lambda change: change.origin is Origin.ADOPT,
    "new in git, to lose what somebody else put there",
)
