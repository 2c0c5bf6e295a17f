"""A slow, plain model of the three-way table, written from the documentation and not from the code.

Values are Python's: None for a cleared field, a text, a dict or a list; ABSENT for a key that is
not there. The live side is a text or None, as the API holds it.
"""

import json
from enum import Enum
from typing import Any


class Missing(Enum):
    """The two ways in which a side can be missing."""

    KEY = "the key is not there"
    BASE = "the record is not in git at the base, or no base is known"


ABSENT = Missing.KEY
Path = tuple[str, ...]


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def meaning(live: str | None) -> Any:
    """The mapping or list that a live text holds; otherwise the text itself, or None."""
    try:
        value = json.loads(live or "")
    except ValueError:
        return live
    return value if isinstance(value, dict | list) else live


def equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: 1 is not true, and a key that is absent is equal to nothing else."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return canonical(one) == canonical(other)


def in_sync(wanted: Any, live: str | None) -> bool:
    """A structured value is compared as JSON, a text or null exactly."""
    return equal(wanted, meaning(live)) if isinstance(wanted, dict | list) else wanted == live


def paths(value: Any, here: Path = ()) -> dict[Path, Any]:
    """Every value below a mapping, by its path: mappings and their members."""
    found: dict[Path, Any] = {}
    for key, inner in value.items() if isinstance(value, dict) else ():
        found[(*here, key)] = inner
        found |= paths(inner, (*here, key))
    return found


def both(base: Any, git: Any, live: Any, choice: str, here: Path = ()) -> tuple[Any, list[Path]]:
    """A value that all three sides hold in their own way: merged key by key where that is possible.

    Returns the result, in which a conflict has the chosen side, and the paths of the conflicts.
    """
    if equal(git, live) or equal(base, live):
        return git, []
    if equal(base, git):
        return live, []
    there = [side for side in (base, git, live) if side is not ABSENT]
    if len(there) == 1 or not all(isinstance(side, dict) for side in there):
        return (git if choice == "git" else live), [here]
    result, conflicts = {}, []
    for key in sorted({key for side in there for key in side}):
        was, ours, theirs = (
            ABSENT if side is ABSENT else side.get(key, ABSENT) for side in (base, git, live)
        )
        inner, deeper = both(was, ours, theirs, choice, (*here, key))
        conflicts += deeper
        if inner is not ABSENT:
            result[key] = inner
    if not result and ABSENT in (git, live):
        return ABSENT, conflicts
    return result, conflicts


def leaves(value: Any) -> dict[Path, Any]:
    """The values below a mapping that are no mapping, and its mappings without keys."""
    return {path: one for path, one in paths(value).items() if not isinstance(one, dict) or not one}


def is_below(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def overlaid(base: Any, git: Any, live: Any) -> Any:
    """The live mapping with the wanted keys of git, and without those dropped since the base."""
    wanted, dropped = leaves(git), set(paths(base)) - set(paths(git))
    kept = {}
    for path, value in leaves(live).items():
        gone = path in dropped or any(
            one in dropped and is_below(path, one) and not isinstance(paths(base)[one], dict)
            for one in dropped
        )
        replaced = any(
            path == one or is_below(one, path) or (is_below(path, one) and what != {})
            for one, what in wanted.items()
        )
        if not gone and not replaced:
            kept[path] = value
    for path, value in wanted.items():
        if value != {} or not any(is_below(one, path) for one in kept):
            kept[path] = value
    return built(kept)


def built(found: dict[Path, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path, value in found.items():
        here = result
        for step in path[:-1]:
            here = here.setdefault(step, {})
        here[path[-1]] = value
    return result


def foreign(base: Any, git: Any, live: Any) -> list[Path]:
    """The live mappings that git replaces by something else, and that hold a key it never held."""
    return sorted(
        path
        for path, value in paths(live).items()
        if isinstance(value, dict)
        and path in paths(git)
        and not isinstance(paths(git)[path], dict)
        and any(is_below(one, path) and one not in paths(base) for one in leaves(live))
    )


Expected = tuple[str, Any]
IN_SYNC: Expected = ("in sync", None)


def expected(base: Any, git: Any, live: str | None, *, merges: bool, choice: str = "") -> Expected:
    """What one record gets: ("drift", the new value), ("conflict", paths), or IN_SYNC.

    `base` is a value or Missing; `choice` is "git", "live" or nothing.
    """
    before = {} if isinstance(base, Missing) or base is None else base
    mapped = {} if not live else meaning(live)
    wanted = {} if git is None else git
    if merges and all(isinstance(side, dict) for side in (before, wanted, mapped)):
        return _merged(base, before, wanted, mapped, choice, clears=git is None)
    if in_sync(git, live):
        return IN_SYNC
    if isinstance(base, Missing):
        if live and choice == "live":
            return IN_SYNC
        return ("adopt" if live else "change"), git
    if in_sync(base, live):
        return "change", git
    if equal(base, git):
        return IN_SYNC if choice == "live" else ("drift", git)
    if all(isinstance(side, dict) for side in (base, git, meaning(live))):
        return _resolved(base, git, meaning(live), choice)
    if not choice:
        return "conflict", [()]
    return ("both", git) if choice == "git" else IN_SYNC


def _resolved(base: Any, git: Any, live: Any, choice: str, *, clears: bool = False) -> Expected:
    result, conflicts = both(base, git, live, choice)
    if conflicts and not choice:
        return "conflict", conflicts
    return IN_SYNC if equal(result, live) else ("both", None if clears and not result else result)


def _merged(base: Any, before: Any, git: Any, live: Any, choice: str, *, clears: bool) -> Expected:
    result, origin = overlaid(before, git, live), "change"
    if base is Missing.BASE:
        origin = "change" if equal(overlaid({}, live, result), result) else "adopt"
    elif not equal(overlaid(git, before, live), live):
        origin = "drift" if equal(before, git) and (base is None) == clears else "both"
        if origin == "both" and not equal(result, live):
            return _resolved(before, git, live, choice, clears=clears)
    if origin in ("drift", "adopt") and choice == "live":
        return IN_SYNC
    others = [] if isinstance(base, Missing) else foreign(before, git, live)
    if others and not choice:
        return "conflict", others
    if choice == "live":
        for path in others:
            result = with_value(result, path, paths(live)[path])
    return IN_SYNC if equal(result, live) else (origin, None if clears and not result else result)


def with_value(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    return value | {path[0]: with_value(value[path[0]], path[1:], new)}
