r"""A regular expression of ECMA-262 -> a matcher that takes linear time (the only door to re2).

JSON Schema's patterns are those of ECMA-262 with its `u` flag (JSON Schema core, section 6.4).
Python's `re` reads some of them otherwise (`$` matches before a last newline, `\d` matches every
digit of Unicode), and a hostile pattern takes it exponential time. RE2 has no lookaround and no
backreferences, for which no linear time is known: a pattern with one of them is refused.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

# ECMA-262, "WhiteSpace" and "LineTerminator": the characters of `\\s`.
_SPACES = r"\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
_NOT_SPACES = (
    r"\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}"
    r"\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
_DOT = r"[^\n\r\x{2028}\x{2029}]"
_NOTHING, _ANYTHING = r"[^\x{0}-\x{10ffff}]", r"[\x{0}-\x{10ffff}]"

# `\\d`, `\\w` and `\\b` mean ASCII in both languages.
_SAME = frozenset("dDwWbB")
_CONTROLS = {"t": r"\t", "n": r"\n", "v": r"\v", "f": r"\f", "r": r"\r", "0": r"\x{0}"}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")

_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_CODE = re.compile(r"u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})")
_PROPERTY = re.compile(r"([pP])\{(?:(?:Script|sc|General_Category|gc)=)?(\w+)\}")
_GROUP = re.compile(r"\?(?:(:)|<([A-Za-z_$][\w$]*)>|(<?[=!])|(.?))", re.DOTALL)

# Patterns are kept compiled for as long as a process is likely to need them.
_KEPT = 1024


class PatternError(ValueError):
    """A pattern that cannot be used; the message says why and what would be right."""


@lru_cache(maxsize=_KEPT)
def compiled(pattern: str) -> Callable[[str], bool]:
    r"""Whether a text holds a match, as JSON Schema's `pattern` asks: anywhere, unless anchored.

    >>> compiled("^OPS-[0-9]+$")("OPS-1\n")
    False

    Raises PatternError if the pattern is not one of ECMA-262, or cannot run in linear time.
    """
    import re2  # only schemas with patterns need it

    options = re2.Options()
    options.log_errors = False
    try:
        matcher: Any = re2.compile("".join(_translated(pattern)), options)
    except re2.error as error:
        why = error.args[0] if error.args else "is not understood"
        text = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
        raise PatternError(f"is not a regular expression that can be used: {text}") from None

    def matches(text: str) -> bool:
        try:
            return matcher.search(text) is not None
        except UnicodeEncodeError:
            # A text of the API can hold half of a surrogate pair, for which RE2 has no code: U+FFFD
            # stands in for it. Two halves become the character that they encode.
            whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return matcher.search(whole) is not None

    return matches


def _translated(pattern: str) -> Iterator[str]:
    """The pattern in the language of RE2, piece by piece."""
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at, piece = _escape(pattern, at + 1, in_class=False)
            yield piece
        elif character == "[":
            at, piece = _class(pattern, at + 1)
            yield piece
        elif character == "(" and pattern[at + 1 : at + 2] == "?":
            at, piece = _group(pattern, at + 1)
            yield piece
        else:
            yield {".": _DOT, "$": r"\z"}.get(character, character)
            at += 1


def _group(pattern: str, at: int) -> tuple[int, str]:
    found = _GROUP.match(pattern, at)
    plain, _, look, other = found.groups() if found is not None else (None, None, None, "")
    if look:
        raise PatternError(
            f"`({pattern[at : at + 1 + len(look)]}` looks around, for which no linear time is "
            "known: write it without"
        )
    if found is None or other is not None:
        raise PatternError(f"`(?{other or ''}` is not a group of ECMA-262")
    # A name has no use without a reference to it; RE2 would refuse some of ECMA-262's names.
    return found.end(), "(?:" if plain else "("


def _escape(pattern: str, at: int, *, in_class: bool) -> tuple[int, str]:
    """The piece for an escape whose backslash stands before `at`, and where it ends."""
    if at >= len(pattern):
        raise PatternError("ends with a backslash")
    character = pattern[at]
    code = _CODE.match(pattern, at)
    if code is not None:
        return _code_point(pattern, code)
    if character in "pP":
        found = _PROPERTY.match(pattern, at)
        if found is None:
            raise PatternError(f"`\\{character}` needs a property, as in \\p{{L}}")
        return found.end(), f"\\{found[1]}{{{found[2]}}}"
    if (piece := _single(pattern, at, in_class=in_class)) is not None:
        return at + 1, piece
    if character == "c" and pattern[at + 1 : at + 2].isalpha() and pattern[at + 1].isascii():
        return at + 2, f"\\x{{{ord(pattern[at + 1]) % 32:x}}}"
    if character.isdigit() or character == "k":
        raise PatternError(
            f"`\\{character}` refers back, for which no linear time is known: write it without"
        )
    raise PatternError(f"`\\{character}` is not an escape of ECMA-262")


def _single(pattern: str, at: int, *, in_class: bool) -> str | None:
    """The piece for an escape of one character; None if it is not one."""
    character = pattern[at]
    piece: str | None = None
    if character == "b" and in_class:
        piece = r"\x{8}"
    elif character in _SAME and not (in_class and character == "B"):
        piece = f"\\{character}"
    elif character in "sS":
        members = _SPACES if character == "s" else _NOT_SPACES
        piece = members if in_class else f"[{members}]"
    elif character in _CONTROLS and not pattern[at + 1 : at + 2].isdigit():
        piece = _CONTROLS[character]
    elif character in _SYNTAX or (in_class and character == "-"):
        piece = "/" if character == "/" else f"\\{character}"
    return piece


def _code_point(pattern: str, found: re.Match[str]) -> tuple[int, str]:
    """A character by its number; two halves of a surrogate pair are one character."""
    number, end = int(found[1] or found[2] or found[3], 16), found.end()
    if number in _HIGH and pattern.startswith("\\u", end):
        low = _CODE.match(pattern, end + 1)
        if low is not None and low[2] is not None and int(low[2], 16) in _LOW:
            number = 0x10000 + ((number - _HIGH.start) << 10) + int(low[2], 16) - _LOW.start
            end = low.end()
    return end, f"\\x{{{number:x}}}"


def _class(pattern: str, at: int) -> tuple[int, str]:
    """A class of characters, `at` being behind its opening bracket."""
    negated = pattern.startswith("^", at)
    at += negated
    pieces: list[str] = []
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\":
            at, piece = _escape(pattern, at + 1, in_class=True)
        else:
            # RE2 would read `[[:alpha:]]` as a class of POSIX, and `[^` inside as a negation.
            piece = f"\\{pattern[at]}" if pattern[at] in "[^" else pattern[at]
            at += 1
        pieces.append(piece)
    if at >= len(pattern):
        raise PatternError("a class of characters is not closed: `]` is missing")
    if not pieces:
        return at + 1, _ANYTHING if negated else _NOTHING
    return at + 1, f"[{'^' if negated else ''}{''.join(pieces)}]"
