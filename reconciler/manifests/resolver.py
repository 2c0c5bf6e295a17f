"""YAML nodes -> canonical JSON, by the core schema of YAML 1.2 (section 10.3.2).

A scalar that tools read differently is refused: `+15551234567`, `0123` and `1_000` are numbers to
one tool and text to another, so the author has to quote the text or write the number plainly.
"""

import re
from functools import lru_cache
from json.encoder import encode_basestring

from reconciler.manifests.composer import ReportProblem
from reconciler.manifests.nodes import Node, Scalar, Sequence

NULLS = frozenset(("null", "Null", "NULL", "~", ""))
_BOOLEANS = {word: word.lower() for word in "true True TRUE false False FALSE".split()}

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
# Every text that YAML 1.1, YAML 1.2 or a common tool reads as a number.
_NUMBER_IN_SOME_TOOL = re.compile(
    r"""[-+]?(?:
        [0-9][0-9_,]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?
      | \.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
      | 0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
      | \.(?:inf|Inf|INF)
    ) | \.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)
# Larger integers lose digits in every reader that stores numbers as doubles (RFC 8259, section 6).
_LARGEST_EXACT_INTEGER = 2**53
_LONGEST_EXACT_INTEGER = len(str(-_LARGEST_EXACT_INTEGER))

_CHARACTERS = (
    # NUL ends a text in many services; half a surrogate pair has no encoding.
    ("character", re.compile("[\x00\ud800-\udfff]"), "sent"),
    # Controls, soft hyphens, zero-width spaces, direction marks, tags. The joiners (U+200C, U+200D)
    # are allowed: many scripts and emoji need them.
    (
        "invisible-character",
        re.compile(
            "[\x01-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
            "\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
            "\u115f\u1160\u2800\u3164\uffa0]"  # letters and symbols that are blank
        ),
        "seen",
    ),
)


def to_json(node: Node, report: ReportProblem) -> str:
    """Canonical JSON of a node, in the form of `values.canonical`: sorted keys, no spaces.

    Reports keys that are not text, ambiguous scalars, and characters that cannot be sent or seen.
    If anything was reported the result may be invalid JSON.
    """
    if isinstance(node, Scalar):
        if not node.plain or not node.text.isascii():
            check_text(node, report)
        if not node.plain:
            return encode_basestring(node.text)
        json = resolve_scalar(node.text)
        if json is None:
            report(node.mark, "doubtful", f'`{node.text}` is ambiguous: quote it ("{node.text}")')
        return json or ""
    if isinstance(node, Sequence):
        return f"[{','.join([to_json(item, report) for item in node.items])}]"
    members: list[tuple[str, str]] = []
    for key, value in node.pairs:
        # The fast path: most keys and values are plain ASCII and need no further call.
        name = resolve_scalar(key.text) if key.plain and key.text.isascii() else None
        if name is None or name[0] != '"':
            name = _key(key, report)
        json = None
        if type(value) is Scalar and value.plain and value.text.isascii():
            json = resolve_scalar(value.text)
        members.append((key.text, f"{name}:{json or to_json(value, report)}"))
    members.sort()
    return f"{{{','.join([member for _, member in members])}}}"


def check_text(scalar: Scalar, report: ReportProblem) -> None:
    """Reports characters that cannot be sent or seen, whether written raw or as an escape."""
    if scalar.text.isascii() and scalar.text.isprintable():
        return  # the fast path, ten times quicker than the patterns: nearly every text
    for rule, characters, fate in _CHARACTERS:
        bad = characters.search(scalar.text)
        if bad is not None:
            name = f"U+{ord(bad[0]):04X}"
            report(scalar.mark, rule, f"the text holds {name}, which cannot be {fate}")


@lru_cache(maxsize=4096)  # values repeat: campaigns, owners, states
def resolve_scalar(text: str) -> str | None:
    """The JSON text of a plain scalar: `true`, `1.50` or `"spring"`; None if it is ambiguous."""
    if text in NULLS:
        return "null"
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if not _NUMBER_IN_SOME_TOOL.fullmatch(text):
        return encode_basestring(text)
    number = _JSON_NUMBER.fullmatch(text)
    if number is None:
        return None
    whole = number[1] is None and number[2] is None
    return None if whole and _inexact(text) else text


def _inexact(integer: str) -> bool:
    # The length first: int() is slow for thousands of digits, and raises ValueError above 4,300.
    return len(integer) > _LONGEST_EXACT_INTEGER or abs(int(integer)) > _LARGEST_EXACT_INTEGER


def _key(key: Scalar, report: ReportProblem) -> str:
    """The JSON text of a key; reports a key that has to be quoted."""
    check_text(key, report)
    json = resolve_scalar(key.text)
    if key.plain and (json is None or not json.startswith('"')):
        report(key.mark, "key", f'a key must be text: quote it ("{key.text}")')
    return encode_basestring(key.text)
