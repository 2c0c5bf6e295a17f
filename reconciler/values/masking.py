"""Sensitive values -> fingerprints, which are equal for equal values of git."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from types import MappingProxyType

from msgspec import Struct

from reconciler.values.canonical import JsonValue, canonical, structure
from reconciler.values.json_pointer import to_pointer

# 16 hexadecimal digits are 64 bits: among 100,000 values a collision is practically impossible.
_FINGERPRINT_CHARS = 16


class Masked(str):
    """The fingerprint that is shown in place of a sensitive value: `(sensitive 1f3870be...)`."""

    __slots__ = ("hides",)
    hides: JsonValue
    """The value itself: only for finding out whether a change loses a part of it, never to show."""

    def __reduce__(self) -> str:
        # A pickle would hold `hides`, which is the sensitive value itself.
        raise TypeError("a masked value cannot be pickled")


class Mask(Struct, frozen=True):
    """Replaces the sensitive values of a record with fingerprints.

    Fingerprints are keyed (HMAC): a plain hash of a short value could be found by trying values.
    """

    paths: tuple[str, ...]
    """JSON Pointers of the sensitive values; the empty pointer is the whole field."""
    key: bytes
    """The key of the fingerprints, another one in each plan; empty if no fingerprint is shown."""
    live_key: bytes = b""
    """The key for the values of the live record, another one for each record (`mask_for`)."""
    live: Mapping[str, str] = MappingProxyType({})
    """The sensitive values of the live record in canonical JSON, by JSON Pointer."""

    def over(self, value: JsonValue) -> JsonValue:
        """The value with the value at every path masked."""
        return _replaced(value, self.paths, self.whole)

    def text(self, text: str) -> JsonValue:
        """A text of user_data as a value with its sensitive parts masked.

        Without paths it is the text itself. A text that is not a JSON mapping or list is masked as
        a whole, since the sensitive part in it is unknown.
        """
        if not self.paths:
            return text
        value = structure(text)
        return self.whole(text) if value is None else self.over(value)

    def whole(self, value: JsonValue, pointer: str = "") -> Masked:
        """The fingerprint of a value at a place."""
        text = canonical(value)
        key = self.live_key if self.live.get(pointer) == text else self.key
        digest = hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
        masked = Masked(f"(sensitive {digest[:_FINGERPRINT_CHARS]})")
        masked.hides = value
        return masked


def mask_for(paths: tuple[str, ...], key: bytes, address: object, live: str | None) -> Mask:
    """The mask of a record whose live text is `live`; `key` is that of the plan.

    Values of git have equal fingerprints in all records if they are equal. Those of the live record
    have a key of their own, which a value of git shares only if it is equal and at the same place:
    otherwise the author of a pull request could write guesses elsewhere, and find the one that has
    the fingerprint of the live value.
    """
    found: dict[str, str] = {}

    def collect(value: JsonValue, pointer: str) -> None:
        found[pointer] = canonical(value)

    if live is not None:
        held = structure(live)
        if held is None:
            collect(live, "")
        else:
            _replaced(held, paths, collect)
    own = hmac.new(key, str(address).encode(), hashlib.sha256).digest()
    return Mask(paths, key, own, found)


def _replaced(
    value: JsonValue, paths: tuple[str, ...], replace: Callable[[JsonValue, str], JsonValue]
) -> JsonValue:
    """The value, with the result of `replace(value, pointer)` at every path."""
    at = frozenset(paths)
    above = {path[:end] for path in paths for end, character in enumerate(path) if character == "/"}

    def inner(value: JsonValue, here: str) -> JsonValue:
        if here in at:
            return replace(value, here)
        if here in above and isinstance(value, dict):
            return {key: inner(item, here + to_pointer((key,))) for key, item in value.items()}
        if here in above and isinstance(value, list):
            return [inner(item, f"{here}/{index}") for index, item in enumerate(value)]
        return value

    return inner(value, "")


def unique_text(value: JsonValue) -> str:
    """A text that is equal for equal values only, to group and compare values by.

    The text of a masked value is not JSON, so that it cannot collide with another value's.
    """
    return _written(value, str)


def masked_json(value: JsonValue, *, fingerprints: bool = True) -> str:
    """A value as JSON with masked values as strings: fingerprints, or else `"(sensitive)"`."""
    return _written(value, lambda masked: f'"{masked if fingerprints else _HIDDEN}"')


_HIDDEN = "(sensitive)"


def _written(value: JsonValue, masked: Callable[[Masked], str]) -> str:
    if isinstance(value, Masked):
        return masked(value)
    if isinstance(value, dict):
        members = (
            f"{encode_basestring(key)}:{_written(value[key], masked)}" for key in sorted(value)
        )
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(_written(item, masked) for item in value)}]"
    return canonical(value)
