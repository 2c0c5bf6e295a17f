"""Values that must not be shown -> fingerprints, equal for equal values."""

import hashlib
import hmac
from collections.abc import Callable
from json.encoder import encode_basestring

from msgspec import Struct

from reconciler.values.canonical import JsonValue, canonical, structure
from reconciler.values.json_pointer import to_pointer

# 64 bits: of a hundred thousand values no two look the same.
_FINGERPRINT_CHARS = 16


class Masked(str):
    """What is shown of a value that must not be: a fingerprint, equal for equal values.

    What it `hides` is for judging what is lost, and never for showing.
    """

    __slots__ = ("hides",)
    hides: JsonValue

    def __reduce__(self) -> str:
        raise TypeError("what must not be shown is not written anywhere")


class Mask(Struct, frozen=True):
    """The paths (JSON Pointers) that must not be shown, and the key of their fingerprints.

    A plain hash could be guessed value by value; without the key nobody can.
    """

    paths: tuple[str, ...]
    key: bytes

    def over(self, value: JsonValue) -> JsonValue:
        """The value with every path in it masked."""
        above = {
            path[:end]
            for path in self.paths
            for end, character in enumerate(path)
            if character == "/"
        }

        def masked(value: JsonValue, here: str) -> JsonValue:
            if here in paths:
                return self.whole(value)
            if here in above and isinstance(value, dict):
                return {key: masked(item, here + to_pointer((key,))) for key, item in value.items()}
            if here in above and isinstance(value, list):
                return [masked(item, f"{here}/{index}") for index, item in enumerate(value)]
            return value

        paths = frozenset(self.paths)
        return masked(value, "")

    def text(self, text: str) -> JsonValue:
        """A whole text of user_data, masked as far as it has to be.

        Of a text without structure nobody knows how far that is: it is masked whole.
        """
        if not self.paths:
            return text
        value = structure(text)
        return self.whole(text) if value is None else self.over(value)

    def whole(self, value: JsonValue) -> Masked:
        """The fingerprint of a value."""
        digest = hmac.new(self.key, canonical(value).encode(), hashlib.sha256).hexdigest()
        masked = Masked(f"(sensitive {digest[:_FINGERPRINT_CHARS]})")
        masked.hides = value
        return masked


def unique_text(value: JsonValue) -> str:
    """A text that no other value has; that of a masked one is no JSON, so that none can have it."""
    return _written(value, str)


def masked_json(value: JsonValue, *, fingerprints: bool = True) -> str:
    """A value as JSON, masked ones as texts."""
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
