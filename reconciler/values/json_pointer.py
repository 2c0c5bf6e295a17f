"""A path inside a JSON value <-> its JSON Pointer (RFC 6901)."""

from collections.abc import Callable
from typing import TypeAlias

from reconciler.values.canonical import JsonValue, structure

# The keys and indexes that lead to a value inside another one: `("owner", "phones", 0)`.
KeyPath: TypeAlias = tuple[str | int, ...]


def to_pointer(path: KeyPath) -> str:
    """The JSON Pointer of a path: `/owner/phones/0`; empty for the whole value."""
    # `~` first: otherwise the `~` of an escaped `/` would be escaped again (RFC 6901, 3).
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in escaped)


def from_pointer(place: str) -> tuple[str, ...]:
    """The path of a JSON Pointer; indexes are texts as well: `("owner", "phones", "0")`."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in place.split("/")[1:])


def value_at(
    text: str | None, place: str, masked: Callable[[str], JsonValue] | None = None
) -> tuple[bool, JsonValue]:
    """(True, value) at a JSON Pointer in a text of user_data, or (False, None) without a value.

    Only mappings are followed, not lists. `masked` turns the text into a value with its sensitive
    parts masked; a value that is masked as a whole is returned for every pointer into it.
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
