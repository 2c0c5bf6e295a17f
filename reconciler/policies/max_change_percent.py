"""max_change_percent: which part of all managed records may lose the value that they have.

Filling an empty field loses nothing and does not count, so that a first roll-out passes.
"""

from reconciler.policies.guard import Guard

GUARD = Guard(
    "max_change_percent",
    lambda change: bool(change.before),
    "to lose the value that they have",
    per_cent=True,
)
