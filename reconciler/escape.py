r"""Text of strangers -> text that cannot act: no cursor moves, no hidden characters, no commands.

Whatever is not plainly visible is written as `\u....`, and a backslash of the text itself is
doubled: two different texts are never shown by the same characters. (Letters of two scripts may
look alike all the same.)
"""

import hashlib
import re
import unicodedata
from functools import lru_cache

from reconciler.wording import shorten

# Nothing to see, or glued to its neighbour: controls, format and private characters, unassigned
# ones, half pairs, line breaks, every space but the plain one, combining marks.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Mc", "Me"))
# Letters and symbols by their category, blank to the eye: Hangul fillers, the empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc\U0001d159")
# Parts of a Hangul syllable, which are drawn as the one that they make up.
_JOINED = (range(0x1160, 0x1200), range(0xD7B0, 0xD800))
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}

# What needs no look at each character.
_PLAIN = re.compile(r"[ !#-9;-\[\]-~]*(?::[ !#-9;-\[\]-~]+)*:?")
_BEYOND_ONE_UNIT = 0x10000

# They begin commands of CI systems wherever they stand in a log.
_COMMANDS = (("::", r":\u003a"), ("##", r"#\u0023"))
_HARMLESS = dict(_COMMANDS)
_ACTS_IN_JSON = re.compile(r"::|##|[^\x00-\x7e]")

_MARK_CHARS = 16

_BACKTICKS = re.compile("`+")
_SPACES = re.compile(" {2,}")
# The wide forms of the signs as well, which some spreadsheets read as the plain ones.
_FORMULA_BEHIND = re.compile(r';([ "]*[=+@\uff1d\uff0b\uff20\uff0d-])')
_FORMULA = tuple("=+-@\t\r'\uff1d\uff0b\uff20\uff0d")
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


def quoted(text: str) -> str:
    """A value in quotes, as JSON would write it, with everything unseen escaped."""
    return f'"{_escaped(text)}"'


def visible(text: str) -> str:
    """A name or a message: the same without the quotes round it and before quotes inside."""
    return _escaped(text).replace(r"\"", '"')


def brief(text: str, most: int) -> str:
    """A message as `visible` shows it, cut where it is longer than a message should be."""
    return shorten(visible(text[: most + 1]), most)


def mark_of(text: str) -> str:
    """What tells a text from all others, where only a part of it is shown."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_MARK_CHARS]


def in_json(written: str) -> str:
    """A JSON document that means the same, with everything unseen and every command escaped.

    Neither `::` nor `##` can stand in JSON but in a string.
    """
    return _ACTS_IN_JSON.sub(_as_json_escape, written)


def _as_json_escape(found: re.Match[str]) -> str:
    return "".join(map(_character, found[0])) if found[0][0] > "~" else _HARMLESS[found[0]]


def code(shown: str, *, in_table: bool = False) -> str:
    """What `quoted` or `visible` made, as a code span of markdown (CommonMark, GitHub's tables).

    Nothing inside is a mention, a link or a tag to any host, and hosts show each of its spaces
    once: of several in a row all but the first are written as escapes.
    """
    text = _SPACES.sub(lambda run: " " + r"\u0020" * (len(run[0]) - 1), shown)
    if in_table:
        text = text.replace("|", r"\|")
    fence = "`" * (_longest(text) + 1)
    # A space at each end is taken off, but not where there is nothing else.
    padded = text.strip(" ") and (text[:1] in "` " or text[-1:] in "` ")
    pad = " " if padded else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def fenced(lines: list[str], language: str) -> list[str]:
    """Lines as a block of code that none of them can close."""
    fence = "`" * max([3, *(_longest(line) + 1 for line in lines)])
    return [f"{fence}{language}", *lines, fence]


def _longest(text: str) -> int:
    """How many backticks stand in a row."""
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def cell(shown: str) -> str:
    """A cell of CSV that no spreadsheet takes for a formula; such a one begins with a quote.

    Some spreadsheets part cells at semicolons, whatever the quotes.
    """
    text = _FORMULA_BEHIND.sub(r"\\u003b\1", shown)
    return f"'{text}" if text[:1] in _FORMULA else text


def xml(shown: str) -> str:
    """Text between tags, or in a quoted attribute."""
    for character, entity in _ENTITIES:
        shown = shown.replace(character, entity)
    return shown


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
    joined = any(ord(character) in part for part in _JOINED)
    if not (unseen or twin or joined or character in _BLANK):
        return character
    return "".join(f"\\u{unit:04x}" for unit in _utf16(character))


def _utf16(character: str) -> tuple[int, ...]:
    """The code units that JSON writes for a character: two beyond U+FFFF."""
    code = ord(character)
    if code < _BEYOND_ONE_UNIT:
        return (code,)
    return 0xD800 + (code - _BEYOND_ONE_UNIT >> 10), 0xDC00 + (code & 0x3FF)
