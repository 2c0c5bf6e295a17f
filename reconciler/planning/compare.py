"""One record as git at the base, git now and the API have it -> the change to it, if any."""

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
from reconciler.values.canonical import JsonValue, canonical, mapping, same, structure
from reconciler.values.json_pointer import pointer
from reconciler.values.merge import Members, loses, overlay, three_way

# What git held of a record at the base revision, None where it held none.
Before: TypeAlias = Callable[[Record], Record | None]


def _replaces(_: Record) -> Mode:
    return Mode.REPLACE


def _hides_nothing(_record: Record, *_texts: str | None) -> None:
    return None


def hidden_by(*found: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """All that any of several rules hides; None where none of them hides anything."""
    known = [places for places in found if places is not None]
    return tuple(sorted({place for places in known for place in places})) if known else None


class Cleared(Struct, frozen=True):
    """What is known of a record that left git: what the base held, and where that was written."""

    base: Record | None
    source: Source


class Wanted(Struct, frozen=True):
    """What a plan is to bring about: the records that are read for it, and what is known of them.

    Without a `before` no base is known, and every difference is this revision's. Those of `cleared`
    are in git no more. `only` are the origins that are written, none of them meaning all.
    `on_in_sync` is told of each record that holds what is wanted, and in what text.
    """

    records: Mapping[Address, Record]
    before: Before | None = None
    cleared: Mapping[Address, Cleared] = MappingProxyType({})
    mode: Callable[[Record], Mode] = _replaces
    sensitive: Callable[..., tuple[str, ...] | None] = _hides_nothing
    choices: Mapping[Address, Side] = MappingProxyType({})
    only: Collection[Origin] = ()
    on_in_sync: Callable[[Address, str | None], None] | None = None


class Case(Struct, frozen=True, gc=False):
    """One record as three sides see it: git at the base, git now, and the API.

    `compared` tells that the base is known, so that no `base` means that the record is new. The
    choice is whose side a conflict takes. A `released` record is in git no more.
    """

    record: Record
    live: str | None
    base: Record | None = None
    compared: bool = False
    mode: Mode = Mode.REPLACE
    choice: Side | None = None
    released: bool = False


def difference(case: Case) -> Change | Conflict | None:
    """What has to be written to one record, or why nobody can say; None where it is in sync."""
    record = case.record
    if case.mode is Mode.MERGE:
        sides = _sides(case)
        if sides is not None:
            return _merged(case, *sides)
    if same(record.wanted, case.live, structured=record.structured):
        return None
    origin = _origin(case)
    if origin is Origin.BOTH:
        return _both(case)
    return _change(case, origin, record.wanted, structured=record.structured)


def _origin(case: Case) -> Origin:
    """Why a record differs that does: the table of README.md, row by row."""
    if not case.compared:
        return Origin.CHANGE
    if case.base is None:
        return Origin.ADOPT if case.live else Origin.CHANGE
    if same(case.base.wanted, case.live, structured=case.base.structured):
        return Origin.CHANGE
    return Origin.DRIFT if _unmoved(case, case.base) else Origin.BOTH


def _unmoved(case: Case, base: Record) -> bool:
    """Whether git wants what it wanted at the base."""
    return not case.released and same(
        case.record.wanted, base.wanted, structured=case.record.structured
    )


def _both(case: Case) -> Change | Conflict | None:
    """Git and somebody else changed the record: merged where they touched different keys."""
    base = None if case.base is None else _written(case.base)
    wanted = _written(case.record)
    live = structure(case.live)
    if base is not None and wanted is not None and isinstance(live, dict):
        return _three_way(case, base, wanted, live)
    if case.choice is None:
        return _conflict(case, ("",))
    if case.choice is Side.LIVE:
        return None
    record = case.record
    return _change(case, Origin.BOTH, record.wanted, structured=record.structured)


def _three_way(
    case: Case, base: Members, wanted: Members, live: Members
) -> Change | Conflict | None:
    result, conflicts = three_way(base, wanted, live, case.choice)
    if conflicts and case.choice is None:
        return _conflict(case, tuple(map(pointer, conflicts)))
    return _put(case, Origin.BOTH, result, live)


def _sides(case: Case) -> tuple[Members, Members, Members] | None:
    """Base, wanted and live as mappings, where keys can be owned; an empty field has no keys."""
    base = {} if case.base is None else _owned(case.base)
    wanted, live = _owned(case.record), mapping(case.live)
    return None if base is None or wanted is None or live is None else (base, wanted, live)


def _merged(case: Case, base: Members, wanted: Members, live: Members) -> Change | Conflict | None:
    """The same table, told of the keys that git has ever held."""
    result = overlay(base, wanted, live)
    origin = Origin.CHANGE
    if not case.compared:
        pass
    elif case.base is None:
        origin = Origin.ADOPT if loses(live, result) else Origin.CHANGE
    elif canonical(overlay(wanted, base, live)) == canonical(dict(live)):
        pass  # the live record holds what git held
    elif _unmoved(case, case.base):
        origin = Origin.DRIFT
    elif canonical(result) != canonical(dict(live)):
        return _three_way(case, base, wanted, live)
    return _put(case, origin, result, live)


def _put(case: Case, origin: Origin, result: dict[str, JsonValue], live: Members) -> Change | None:
    """The change to a merged mapping; a record that git cleared and nobody filled is empty."""
    after = canonical(result)
    if after == canonical(dict(live)):
        return None
    if not result and case.record.wanted is None:
        return _change(case, origin, None, structured=False)
    return _change(case, origin, after, structured=True)


def _written(record: Record) -> dict[str, JsonValue] | None:
    """The mapping that a manifest holds, None for any other value."""
    value = structure(record.wanted) if record.structured else None
    return value if isinstance(value, dict) else None


def _owned(record: Record) -> dict[str, JsonValue] | None:
    return {} if record.wanted is None else _written(record)


def _change(case: Case, origin: Origin, after: str | None, *, structured: bool) -> Change:
    record = case.record
    return Change(record.address, origin, case.live, after, record.source, structured=structured)


def _conflict(case: Case, places: tuple[str, ...]) -> Conflict:
    base = None if case.base is None else case.base.wanted
    record = case.record
    return Conflict(record.address, base, record.wanted, case.live, places, record.source)
