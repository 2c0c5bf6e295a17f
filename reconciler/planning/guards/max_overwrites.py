"""max_overwrites: the number of values never applied from git that a run may overwrite.

They are the live values of records that are new in git, and all live values if no base is known
(origin `adopt`).
"""

from reconciler.model import Origin
from reconciler.planning.guards.guard import Guard

GUARD = Guard(
    "max_overwrites",
    lambda change: change.origin is Origin.ADOPT,
    "with a value that was never applied from git, which would be overwritten",
)
