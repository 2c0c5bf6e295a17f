"""max_change_percent: the share of all managed records that may lose all or part of their value.

Filling an empty field or adding a key loses nothing and does not count, so that a first roll-out
passes.
"""

from reconciler.model import Change
from reconciler.planning.guards.guard import Guard
from reconciler.values.canonical import as_mapping
from reconciler.values.merge import loses


def _loses(change: Change) -> bool:
    """Whether the live value, or the value of a live key, is replaced or removed."""
    if not change.before:
        return False
    before, after = as_mapping(change.before), as_mapping(change.after)
    return before is None or after is None or loses(before, after)


GUARD = Guard(
    "max_change_percent",
    _loses,
    "would have all or part of the live value replaced or removed",
    per_cent=True,
)
