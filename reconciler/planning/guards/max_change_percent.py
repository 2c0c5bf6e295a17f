"""max_change_percent: which part of all managed records may lose the value that they have.

Filling an empty field loses nothing and does not count, so that a first roll-out passes.
"""

from reconciler.model import Change
from reconciler.planning.guards.guard import Guard
from reconciler.values.canonical import as_mapping
from reconciler.values.merge import loses


def _loses(change: Change) -> bool:
    """Whether something that is there will not be: a key more loses none of the others."""
    if not change.before:
        return False
    before, after = as_mapping(change.before), as_mapping(change.after)
    return before is None or after is None or loses(before, after)


GUARD = Guard(
    "max_change_percent",
    _loses,
    "to have what they hold replaced or removed",
    per_cent=True,
)
