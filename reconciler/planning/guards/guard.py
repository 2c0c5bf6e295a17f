"""The type of a guard: the changes that it counts, and the text that describes them."""

from collections.abc import Callable

from msgspec import Struct

from reconciler.model import Change


class Guard(Struct, frozen=True):
    """One guard; its limit is a setting of the same name in reconciler.yaml."""

    name: str
    """The name in settings, flags and reports: `max_clears`."""
    counts: Callable[[Change], bool]
    """Whether a change counts against the limit."""
    danger: str
    """Continues "12 records ..." and "1 record ...", so it must fit both numbers."""
    needs_base: bool = False
    """Whether the guard can only count where a base is known."""
    per_cent: bool = False
    """Whether the limit is in per cent of all managed records; otherwise it is in records."""
