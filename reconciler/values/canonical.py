"""Text of user_data <-> JSON value: parse, write in canonical form, compare."""

import json
from json.encoder import encode_basestring
from typing import TypeAlias

# Numbers are texts of the type `Number`.
JsonValue: TypeAlias = "bool | str | list[JsonValue] | dict[str, JsonValue] | None"

# In levels; deeper than any real value, and far below Python's recursion limit. A text that is
# nested deeper is treated as plain text.
MAX_DEPTH = 64


class Number(str):
    """A JSON number as it was written: 1, 1.0 and 1e0 are three values, and no digit is lost."""

    __slots__ = ()


def canonical(value: JsonValue, depth: int = 0) -> str:
    """The only text for a value: sorted keys, no spaces, numbers as written, no needless escapes.

    `{"b": [1.0, "x"], "a": null}` becomes `{"a":null,"b":[1.0,"x"]}`. Raises ValueError if the
    value is nested more than MAX_DEPTH levels deep; `depth` is the level of this call.
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
    """The value of a JSON text (RFC 8259), with numbers as they are written.

    Raises ValueError if the text is not JSON, or is JSON that parsers disagree about: repeated
    keys, NaN, nesting deeper than MAX_DEPTH, unpaired surrogates (RFC 8259, 4 and 8.2).
    """
    try:
        value: JsonValue = _DECODER.decode(text)
        canonical(value).encode()  # an unpaired surrogate has no UTF-8 form
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep") from None
    return value


def structure(text: str | None) -> list[JsonValue] | dict[str, JsonValue] | None:
    """The mapping or list in a JSON text; None for any other text, and for None."""
    if text is None or not text.lstrip(" \t\r\n").startswith(("{", "[")):
        return None
    try:
        value = parse(text)
    except ValueError:
        return None
    return value if isinstance(value, list | dict) else None


def matches(wanted: str | None, live: str | None, *, structured: bool) -> bool:
    """Whether the live text is equal to the wanted one; None is an empty field.

    Texts are equal if all characters are. If the manifest holds a mapping or a list (`structured`,
    and `wanted` is canonical JSON), any layout of the same JSON is equal to it.
    """
    if wanted == live:
        return True
    if not structured:
        return False
    held = structure(live)
    return held is not None and canonical(held) == wanted


def as_mapping(text: str | None) -> dict[str, JsonValue] | None:
    """The mapping in a JSON text; {} for an empty field, None for any other value."""
    if not text:
        return {}
    value = structure(text)
    return value if isinstance(value, dict) else None


def equal(one: object, other: object) -> bool:
    """Whether two JSON values and their types are equal; in Python `1 == True` and `1 == 1.0`."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def describe_length(text: str | None) -> str:
    """The length of a text: `5 characters (5 bytes, 5 UTF-16 units)`.

    All three are given because the API does not document which of them its limit counts.
    """
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
