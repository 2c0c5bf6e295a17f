"""Three mappings - at the base, wanted, live - -> one: git's keys from git, all others as they are.

Keys are followed into nested mappings; every other value is one whole. The rules are those of
Kubernetes' server-side apply, with two revisions of git in the place of its list of owners.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from reconciler.model import Side
from reconciler.values.canonical import JsonValue, equal
from reconciler.values.json_pointer import KeyPath

Members: TypeAlias = Mapping[str, JsonValue]

# What a key that is not there holds; no value of JSON is it.
_ABSENT = object()
_NOTHING: Members = {}


def overlay(base: Members, wanted: Members, live: Members) -> dict[str, JsonValue]:
    """The live mapping with all that git wants in it, and without what git held and dropped.

    A key that neither the base nor the wanted mapping holds stays as it is.
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


def loses(live: Members, result: Members) -> bool:
    """Whether something that is live is not in the result as it was."""
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
    """What both sides made of the base, and the places that both changed, each in its own way.

    Those places hold what the chosen side wants; without a choice, what is live.
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
            # A mapping that one side removed is there only as far as the other added to it.
            taken = inner if inner or _ABSENT not in (ours, theirs) else _ABSENT
        else:
            conflicts.append((key,))
            taken = ours if choice is Side.GIT else theirs
        if taken is not _ABSENT:
            result[key] = taken
    return result, tuple(conflicts)


def _without(held: JsonValue, live: JsonValue) -> JsonValue:
    """What is left of a live value when all that git held of it goes."""
    if isinstance(held, dict) and isinstance(live, dict):
        return overlay(held, _NOTHING, live)
    return None


def _mergeable(was: object, ours: object, theirs: object) -> bool:
    """Whether the sides can be merged key by key: mappings, of which one may be absent."""
    sides = [side for side in (was, ours, theirs) if side is not _ABSENT]
    enough = 2  # of three: what only one side holds is nobody's conflict
    return len(sides) >= enough and all(isinstance(side, dict) for side in sides)


def _members(value: object) -> Members:
    return value if isinstance(value, dict) else _NOTHING
