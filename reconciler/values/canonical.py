"""user_data: the text on the wire <-> the value that people mean; and when two are the same."""

import json
from json.encoder import encode_basestring
from typing import TypeAlias

JsonValue: TypeAlias = "bool | str | list[JsonValue] | dict[str, JsonValue] | None"

# Deeper than any annotation, shallower than Python's stack: past it a text is just a text.
MAX_DEPTH = 64


class Number(str):
    """A JSON number as it was written: 1, 1.0 and 1e0 are three values, and none loses a digit."""

    __slots__ = ()


def canonical(value: JsonValue, depth: int = 0) -> str:
    """One text for one value: sorted keys, no spaces, numbers as written, no needless escapes.

    Raises ValueError for a value that is nested more than MAX_DEPTH levels deep.
    """
    if isinstance(value, str):
        return str(value) if isinstance(value, Number) else encode_basestring(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if depth == MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, list):
        return f"[{','.join([canonical(item, depth + 1) for item in value])}]"
    members = [
        f"{encode_basestring(key)}:{canonical(value[key], depth + 1)}" for key in sorted(value)
    ]
    return f"{{{','.join(members)}}}"


def parse(text: str) -> JsonValue:
    """The value of a JSON text (RFC 8259), numbers as written.

    Raises ValueError for anything doubtful: repeated keys, NaN, nesting beyond MAX_DEPTH, half of a
    surrogate pair.
    """
    try:
        value: JsonValue = _DECODER.decode(text)
        canonical(value).encode()  # half a surrogate pair could be neither shown nor sent
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep") from None
    return value


def structure(text: str | None) -> list[JsonValue] | dict[str, JsonValue] | None:
    """The mapping or list that a text holds, None where it is no more than a text."""
    if text is None or not text.lstrip(" \t\r\n").startswith(("{", "[")):
        return None
    try:
        value = parse(text)
    except ValueError:
        return None
    return value if isinstance(value, list | dict) else None


def matches(wanted: str | None, live: str | None, *, structured: bool) -> bool:
    """Whether the API already holds what is wanted.

    Text equals text, to the letter. Where the manifest holds a mapping or a list (`structured`,
    and `wanted` is canonical), any layout of the same JSON equals it.
    """
    if wanted == live:
        return True
    if not structured:
        return False
    held = structure(live)
    return held is not None and canonical(held) == wanted


def as_mapping(text: str | None) -> dict[str, JsonValue] | None:
    """The mapping that a text holds, an empty field being one without keys; None for all else."""
    if not text:
        return {}
    value = structure(text)
    return value if isinstance(value, dict) else None


def equal(one: object, other: object) -> bool:
    """Whether two values are the same, type for type: Python has 1 equal to true and to 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def describe_length(text: str | None) -> str:
    """How long a text is, in all that a limit may be meant in."""
    text = text or ""
    units = len(text.encode("utf-16-le", errors="surrogatepass")) // 2
    size = len(text.encode(errors="surrogatepass"))
    return f"{len(text):,} characters ({size:,} bytes, {units:,} UTF-16 units)"


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is repeated")
    return members


def _refuse(constant: str) -> JsonValue:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=Number, parse_float=Number, parse_constant=_refuse
)
