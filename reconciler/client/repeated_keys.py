"""A body of the API -> whether a record in it holds a key twice, so that its value is not known."""

import json
import re
from typing import Any

from msgspec import Raw, defstruct
from msgspec.json import Decoder

from reconciler.kinds import MANAGED_FIELD
from reconciler.values.json_text import repeats_a_key

# Parsers disagree about which of two equal keys counts (RFC 8259, section 4).
_FIELD = f'"{MANAGED_FIELD}"'.encode()
# A key that is written with escapes (`\u0075`), which a count of the name does not see.
_ESCAPED_KEY = re.compile(rb'\\u00[0-7][0-9a-fA-F][^"\\]*(?:\\.[^"\\]*)*"\s*:')


def may_repeat(body: bytes, records: int) -> bool:
    """Whether one of the records in a body may hold a key twice, so that a full parse is needed."""
    return body.count(_FIELD) > records or _ESCAPED_KEY.search(body) is not None


def repeating(body: bytes) -> list[bool]:
    """For each record of a page: whether it, or an object in it, holds a key twice.

    The body is one that `api` could read as a page.
    """
    raw = _RAW_LIST.decode(body)
    return [repeats_a_key(bytes(item)) for item in raw.items]


def repeats_a_key_outside(body: bytes) -> bool:
    """Whether a page holds a key twice outside of its records."""
    try:
        pairs: list[tuple[str, object]] = json.loads(
            body, object_pairs_hook=list, parse_int=str, parse_float=str
        )
    except (ValueError, RecursionError):
        return True  # unknown: treat the body as unusable
    return len(dict(pairs)) < len(pairs)


_RAW_LIST: Decoder[Any] = Decoder(defstruct("RawList", [("items", list[Raw])]))
