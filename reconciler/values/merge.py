"""Three mappings (base, wanted, live) -> one mapping: git's keys from git, all others as live.

Nested mappings are merged key by key; every other value is merged as a whole. The rules are those
of Kubernetes' server-side apply, with two revisions of git in place of its list of field owners.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from reconciler.model import Side
from reconciler.values.canonical import JsonValue, equal
from reconciler.values.json_pointer import KeyPath

Members: TypeAlias = Mapping[str, JsonValue]

# The value of a missing key; it differs from every JSON value.
_ABSENT = object()
_NOTHING: Members = {}


def overlay(base: Members, wanted: Members, live: Members) -> dict[str, JsonValue]:
    """The live mapping with the keys that git wants, without those that git dropped since the base.

    Keys that are neither in `base` nor in `wanted` keep their live value.
    """
    result = dict(live)
    for key in base.keys() - wanted.keys():
        left = _without(base[key], live.get(key))
        if left:
            result[key] = left
        else:
            result.pop(key, None)
    for key, value in wanted.items():
        there = live.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            result[key] = overlay(_members(base.get(key)), value, there)
        else:
            result[key] = value
    return result


def overwritten(base: Members, wanted: Members, live: Members) -> tuple[KeyPath, ...]:
    """The paths at which `overlay` replaces a mapping that holds a key that git never held.

    For example `a`, if git replaces `{"a": {"x": 1}}` with `{"a": "off"}` and the live record has
    `{"a": {"x": 1, "theirs": 2}}`. In order of key.
    """
    paths: list[KeyPath] = []
    for key in sorted(wanted.keys() & live.keys()):
        value, there, held = wanted[key], live[key], _members(base.get(key))
        if not isinstance(there, dict):
            continue
        if isinstance(value, dict):
            paths += ((key, *path) for path in overwritten(held, value, there))
        elif overlay(held, _NOTHING, there):
            paths.append((key,))
    return tuple(paths)


def keep(result: Members, live: Members, paths: Iterable[KeyPath]) -> dict[str, JsonValue]:
    """The result with the live values at the paths, which lead through mappings of both."""
    kept = dict(result)
    for path in paths:
        key, *rest = map(str, path)
        if rest:
            kept[key] = keep(_members(kept[key]), _members(live[key]), [tuple(rest)])
        else:
            kept[key] = live[key]
    return kept


def loses(live: Members, result: Members) -> bool:
    """Whether a live key is missing in the result, or has another value there."""
    for key, value in live.items():
        there = result.get(key, _ABSENT)
        if isinstance(value, dict) and isinstance(there, dict):
            if loses(value, there):
                return True
        elif not equal(value, there):
            return True
    return False


def three_way(
    base: Members, wanted: Members, live: Members, choice: Side | None = None
) -> tuple[dict[str, JsonValue], tuple[KeyPath, ...]]:
    """The merged mapping, and the paths at which git and the live record changed in different ways.

    At these paths the result has the value of the chosen side, and the live value without a choice.
    The paths are in order of key; they are also returned if a side is chosen.
    """
    result: dict[str, JsonValue] = {}
    conflicts: list[KeyPath] = []
    for key in sorted(base.keys() | wanted.keys() | live.keys()):
        was, ours, theirs = (side.get(key, _ABSENT) for side in (base, wanted, live))
        taken: Any  # a value, or _ABSENT
        if equal(ours, theirs) or equal(was, theirs):
            taken = ours
        elif equal(was, ours):
            taken = theirs
        elif _mergeable(was, ours, theirs):
            inner, deeper = three_way(_members(was), _members(ours), _members(theirs), choice)
            conflicts += ((key, *path) for path in deeper)
            # If one side deleted the mapping, keep it only if the other side added keys.
            taken = inner if inner or _ABSENT not in (ours, theirs) else _ABSENT
        else:
            conflicts.append((key,))
            taken = ours if choice is Side.GIT else theirs
        if taken is not _ABSENT:
            result[key] = taken
    return result, tuple(conflicts)


def _without(held: JsonValue, live: JsonValue) -> JsonValue:
    """The live value without the keys that git held; None if it is not a mapping."""
    if isinstance(held, dict) and isinstance(live, dict):
        return overlay(held, _NOTHING, live)
    return None


def _mergeable(was: object, ours: object, theirs: object) -> bool:
    """Whether the sides can be merged key by key: mappings, of which one may be absent."""
    sides = [side for side in (was, ours, theirs) if side is not _ABSENT]
    enough = 2  # of three: a key that only one side has is not a conflict
    return len(sides) >= enough and all(isinstance(side, dict) for side in sides)


def _members(value: object) -> Members:
    return value if isinstance(value, dict) else _NOTHING
