"""One record, as git at the base, git now and the API hold it -> the change to it, if any.

The table of README.md ("Approving a plan") says which origin a difference has.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TypeAlias

from msgspec import Struct

from reconciler.model import (
    Address,
    Change,
    Conflict,
    Mode,
    Origin,
    Record,
    Side,
    Source,
)
from reconciler.values.canonical import JsonValue, as_mapping, canonical, matches, structure
from reconciler.values.json_pointer import to_pointer
from reconciler.values.merge import Members, keep, loses, overlay, overwritten, three_way

# The record as git held it at the base; None if it was not in git.
BaseOf: TypeAlias = Callable[[Record], Record | None]

# The sensitive paths (JSON Pointers) of texts of a record; None if the record has no secrets.
SensitiveIn: TypeAlias = Callable[..., tuple[str, ...] | None]


def _replaces(_: Record) -> Mode:
    return Mode.REPLACE


def _hides_nothing(_record: Record, *_texts: str | None) -> None:
    return None


def union_of_sensitive(*found: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The sensitive paths that any of several rules names, sorted; None if all of them are None."""
    # () is not None: it means that the API's messages must still be redacted (Change.sensitive).
    known = [paths for paths in found if paths is not None]
    return tuple(sorted({path for paths in known for path in paths})) if known else None


class Removed(Struct, frozen=True):
    """A record that was removed from git and has to be cleared."""

    base: Record | None
    """The record at the base; None if the base did not hold it."""
    source: Source
    """Where it was written before its removal, as in `1a2b3c4:manifests/a.yaml`."""


class PlanRequest(Struct, frozen=True):
    """The records to compare with the API, and how to compare them."""

    records: Mapping[Address, Record]
    """The wanted records; those of `removed` as they were before their removal."""
    base_of: BaseOf | None = None
    """Finds a record at the base; None if no base is known.

    Then nothing proves that a live value ever came from git: a difference is an `adopt`.
    """
    removed: Mapping[Address, Removed] = MappingProxyType({})
    """Records that were removed from git and have to be cleared."""
    mode_of: Callable[[Record], Mode] = _replaces
    """Whether git owns the whole field of a record, or only its own keys."""
    sensitive_in: SensitiveIn = _hides_nothing
    """Finds what must not be shown of texts of a record."""
    choices: Mapping[Address, Side] = MappingProxyType({})
    """Whose value a record takes (--resolve)."""
    only: Collection[Origin] = ()
    """The origins to write; empty for all of them."""
    on_in_sync: Callable[[Address, str | None], None] | None = None
    """Called with each record that is in sync, and its live text."""


class ThreeWay(Struct, frozen=True, gc=False):
    """The three sides of one record: git at the base, git now, and the API."""

    record: Record
    """The record in git now; for a removed one a record that wants an empty field."""
    live: str | None
    """The live text."""
    base: Record | None = None
    """The record at the base; None if it was not in git, or if no base is known."""
    mode: Mode = Mode.REPLACE
    """The part of the record that git owns."""
    choice: Side | None = None
    """The side whose value the record takes; None without --resolve."""
    removed: bool = False
    """Whether the record was removed from git."""


def compare(sides: ThreeWay) -> Change | Conflict | None:
    """The change to one record, a conflict, or None if the record is in sync."""
    record = sides.record
    if sides.mode is Mode.MERGE:
        mappings = _mappings(sides)
        # Otherwise one side is a text or a list, which git always owns as a whole (approval.md).
        if mappings is not None:
            return _merged(sides, *mappings)
    if matches(record.wanted, sides.live, structured=record.structured):
        return None
    origin = _origin(sides)
    if origin is Origin.BOTH:
        return _both(sides)
    if sides.choice is Side.LIVE and origin in _KEPT_BY_CHOICE:
        return None
    return _change(sides, origin, record.wanted, structured=record.structured)


# The origins of which `--resolve ADDRESS=live` keeps the live value, beside that of conflicts.
_KEPT_BY_CHOICE = (Origin.DRIFT, Origin.ADOPT)


def _origin(sides: ThreeWay) -> Origin:
    """Why a record differs that is not in sync: the table of README.md, row by row."""
    if sides.base is None:
        return Origin.ADOPT if sides.live else Origin.CHANGE
    # By the type of the base: the live record may hold the same JSON in another layout
    # (test_another_layout_of_what_git_held_is_no_drift).
    if matches(sides.base.wanted, sides.live, structured=sides.base.structured):
        return Origin.CHANGE
    return Origin.DRIFT if _unchanged_in_git(sides, sides.base) else Origin.BOTH


def _unchanged_in_git(sides: ThreeWay, base: Record) -> bool:
    """Whether git wants now what it wanted at the base."""
    # A removed record wants an empty field. If the base wanted that too, it would be drift, and
    # another client's value would be cleared without a conflict (tests/promises).
    return not sides.removed and matches(
        sides.record.wanted, base.wanted, structured=sides.record.structured
    )


def _both(sides: ThreeWay) -> Change | Conflict | None:
    """Git and another client changed the record: merged by key if they changed different keys."""
    base = None if sides.base is None else _wanted_mapping(sides.base)
    wanted = _wanted_mapping(sides.record)
    live = structure(sides.live)
    if base is not None and wanted is not None and isinstance(live, dict):
        return _three_way(sides, base, wanted, live)
    if sides.choice is None:
        return _conflict(sides, ("",))
    if sides.choice is Side.LIVE:
        return None
    record = sides.record
    return _change(sides, Origin.BOTH, record.wanted, structured=record.structured)


def _three_way(
    sides: ThreeWay, base: Members, wanted: Members, live: Members
) -> Change | Conflict | None:
    result, conflicts = three_way(base, wanted, live, sides.choice)
    if conflicts and sides.choice is None:
        return _conflict(sides, tuple(map(to_pointer, conflicts)))
    return _change_to(sides, Origin.BOTH, result, live)


def _mappings(sides: ThreeWay) -> tuple[Members, Members, Members] | None:
    """Base, wanted and live value as mappings; None if one of them is something else.

    An empty field is a mapping without keys.
    """
    base = {} if sides.base is None else _owned(sides.base)
    wanted, live = _owned(sides.record), as_mapping(sides.live)
    return None if base is None or wanted is None or live is None else (base, wanted, live)


def _merged(
    sides: ThreeWay, base: Members, wanted: Members, live: Members
) -> Change | Conflict | None:
    """The same table for `mode: merge`, over the keys that git has ever held."""
    result = overlay(base, wanted, live)
    origin = Origin.CHANGE
    if sides.base is None:
        origin = Origin.ADOPT if loses(live, result) else Origin.CHANGE
    # `wanted` and `base` are swapped: this overlay leads back to the base.
    elif canonical(overlay(wanted, base, live)) == canonical(dict(live)):
        pass  # the live record holds what git held
    elif _unchanged_in_git(sides, sides.base):
        origin = Origin.DRIFT
    # If the result is equal to the live record, both sides made the same change: no conflict.
    elif canonical(result) != canonical(dict(live)):
        return _three_way(sides, base, wanted, live)
    if sides.choice is Side.LIVE and origin in _KEPT_BY_CHOICE:
        return None
    if sides.base is not None and (paths := overwritten(base, wanted, live)):
        # The keys of others below these paths would go with the mapping that holds them.
        if sides.choice is None:
            return _conflict(sides, tuple(map(to_pointer, paths)))
        if sides.choice is Side.LIVE:
            result = keep(result, live, paths)
    return _change_to(sides, origin, result, live)


def _change_to(
    sides: ThreeWay, origin: Origin, result: dict[str, JsonValue], live: Members
) -> Change | None:
    """The change of a live mapping into a merged one; None if they are equal.

    A record whose keys are all gone, and which git wants empty, is cleared.
    """
    after = canonical(result)
    if after == canonical(dict(live)):
        return None
    if not result and sides.record.wanted is None:
        return _change(sides, origin, None, structured=False)
    return _change(sides, origin, after, structured=True)


def _wanted_mapping(record: Record) -> dict[str, JsonValue] | None:
    """The mapping that a manifest holds; None for any other value."""
    value = structure(record.wanted) if record.structured else None
    return value if isinstance(value, dict) else None


def _owned(record: Record) -> dict[str, JsonValue] | None:
    return {} if record.wanted is None else _wanted_mapping(record)


def _change(sides: ThreeWay, origin: Origin, after: str | None, *, structured: bool) -> Change:
    record = sides.record
    return Change(record.address, origin, sides.live, after, record.source, structured=structured)


def _conflict(sides: ThreeWay, paths: tuple[str, ...]) -> Conflict:
    base = None if sides.base is None else sides.base.wanted
    record = sides.record
    return Conflict(record.address, base, record.wanted, sides.live, paths, record.source)
