r"""Text of strangers -> text that cannot act: no cursor moves, no hidden characters, no commands.

Whatever is not plainly visible is written as `\u....`, and a backslash of the text itself is
doubled: two different texts are never shown by the same characters. (Letters of two scripts may
look alike all the same.)
"""

import re
import unicodedata
from functools import lru_cache

# Nothing to see, or glued to its neighbour: controls, format and private characters, unassigned
# ones, half pairs, line breaks, every space but the plain one, combining marks.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Mc", "Me"))
# Letters and symbols by their category, blank to the eye: Hangul fillers, the empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}

# What needs no look at each character.
_PLAIN = re.compile(r"[ !#-9;-\[\]-~]*(?::[ !#-9;-\[\]-~]+)*:?")
_BEYOND_ONE_UNIT = 0x10000

# They begin commands of CI systems wherever they stand in a log.
_COMMANDS = (("::", r":\u003a"), ("##", r"#\u0023"))


def quoted(text: str) -> str:
    """A value in quotes, as JSON would write it, with everything unseen escaped."""
    return f'"{_escaped(text)}"'


def visible(text: str) -> str:
    """A name or a message: the same without the quotes round it and before quotes inside."""
    return _escaped(text).replace(r"\"", '"')


def brief(text: str, most: int) -> str:
    """A message as `visible` shows it, cut where it is longer than a message should be."""
    shown = visible(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _escaped(text: str) -> str:
    if not (_PLAIN.fullmatch(text) and "##" not in text):
        text = "".join(map(_character, text))
        for command, harmless in _COMMANDS:
            text = text.replace(command, harmless)
    return text


@lru_cache(maxsize=4096)
def _character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    unseen = unicodedata.category(character) in _UNSEEN and character != " "
    twin = unicodedata.normalize("NFC", character) != character  # the Angstrom sign for the letter
    if not (unseen or twin or character in _BLANK):
        return character
    return "".join(f"\\u{unit:04x}" for unit in _utf16(character))


def _utf16(character: str) -> tuple[int, ...]:
    """The code units that JSON writes for a character: two beyond U+FFFF."""
    code = ord(character)
    if code < _BEYOND_ONE_UNIT:
        return (code,)
    return 0xD800 + (code - _BEYOND_ONE_UNIT >> 10), 0xDC00 + (code & 0x3FF)
