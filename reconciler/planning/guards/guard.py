"""What one guard is: which changes it counts, and in what words it tells so."""

from collections.abc import Callable

from msgspec import Struct

from reconciler.model import Change


class Guard(Struct, frozen=True):
    """`danger` ends "12 records ..." or "1 record ..."; per cent are of all managed records."""

    name: str
    counts: Callable[[Change], bool]
    danger: str
    per_cent: bool = False
