r"""Values of Structs <-> JSON, also with half of a surrogate pair in a text.

An API can hold a text with an unpaired surrogate: JSON can write it (`\ud800`), UTF-8 cannot.
msgspec refuses it in both directions; Python's own json reads and keeps it. Such a record has to be
readable: otherwise it could never be mended from git.
"""

import json
import re
from json.encoder import encode_basestring
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, structs
from msgspec.json import Decoder

Decoded = TypeVar("Decoded")

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def encode(value: object) -> str:
    """A value as JSON, in the layout of msgspec. Unpaired surrogates are written as escapes."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return escape_surrogates(_written(value))


def decode(data: bytes, decoder: Decoder[Decoded], *, derived: str = "") -> Decoded:
    """The value of a JSON document; unpaired surrogates stay in its texts.

    `derived` is a member that is not needed and may be left out: a Raw cannot hold a surrogate.

    Raises msgspec.MsgspecError if the document is not JSON or not of the decoder's type.
    """
    try:
        return decoder.decode(data)
    except msgspec.DecodeError:
        if not _ESCAPED_SURROGATE.search(data):
            raise
    try:
        members = json.loads(data)
        if isinstance(members, dict):
            members.pop(derived, None)
        return msgspec.convert(members, decoder.type)
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None


def repeats_a_key(data: bytes) -> bool:
    """Whether an object in a JSON document holds a key twice; True if it cannot be parsed.

    Parsers disagree about which of the two counts (RFC 8259, section 4).
    """
    pairs: list[list[tuple[str, object]]] = []
    try:
        # Without parse_int=str, Python refuses integers of more than 4,300 digits (ValueError).
        json.loads(data, object_pairs_hook=pairs.append, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return True  # unknown: treat the document as unusable
    return any(len(dict(members)) < len(members) for members in pairs)


def escape_surrogates(written: str) -> str:
    """JSON in which every unpaired surrogate is an escape; they can only be inside strings."""
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def _written(value: object) -> str:
    if isinstance(value, Raw):
        return bytes(value).decode()
    if isinstance(value, Struct):
        return _object(_members(value))
    if isinstance(value, dict):
        return _object({str(key): item for key, item in value.items()})
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_written, value))}]"
    return encode_basestring(value) if isinstance(value, str) else json.dumps(value)


def _object(members: dict[str, Any]) -> str:
    return f"{{{','.join(f'{encode_basestring(k)}:{_written(v)}' for k, v in members.items())}}}"


def _members(value: Struct) -> dict[str, Any]:
    """The members that msgspec writes of a Struct: with their names, without UNSET and defaults."""
    config = value.__struct_config__
    members: dict[str, Any] = {config.tag_field: config.tag} if config.tag_field else {}
    for field in structs.fields(value):
        held = getattr(value, field.name)
        left_out = config.omit_defaults and held == field.default
        if held is not UNSET and not left_out:
            members[field.encode_name] = held
    return members
