"""The way to a place inside a value: path, and JSON Pointers (RFC 6901)."""

from collections.abc import Callable
from typing import TypeAlias

from reconciler.values.canonical import JsonValue, structure

# The way to a place inside a value, by keys and indexes.
KeyPath: TypeAlias = tuple[str | int, ...]


def to_pointer(path: KeyPath) -> str:
    """Steps as a JSON Pointer (RFC 6901): `/owner/phones/0`, nothing for the whole value."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in escaped)


def from_pointer(place: str) -> tuple[str, ...]:
    """The path of a JSON Pointer, all as keys."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in place.split("/")[1:])


def value_at(
    text: str | None, place: str, masked: Callable[[str], JsonValue] | None = None
) -> tuple[bool, JsonValue]:
    """What a text of user_data holds at a JSON Pointer through mappings, and whether it does.

    `masked` makes the value of the text, where not all of it may be shown.
    """
    if text is None:
        return False, None
    value: JsonValue = masked(text) if masked is not None else text
    if place and isinstance(value, str) and masked is None:
        value = structure(text)
    for key in from_pointer(place):
        if isinstance(value, str):
            return True, value  # masked as a whole
        if not isinstance(value, dict) or key not in value:
            return False, None
        value = value[key]
    return True, value
