r"""Untrusted text -> text that is safe to show: no control codes, hidden characters or commands.

Every character that is not plainly visible is written as `\u....`, and a backslash of the text
itself is doubled, so two different texts are never shown as the same characters. (Letters of
different scripts may still look alike.)
"""

import hashlib
import re
from functools import lru_cache

from reconciler.escape.unseen import is_unseen
from reconciler.wording import shorten

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}

# Text that can be returned without checking each character.
_PLAIN = re.compile(r"[ !#-9;-\[\]-~]*(?::[ !#-9;-\[\]-~]+)*:?")
_BEYOND_ONE_UNIT = 0x10000

# `::` (GitHub Actions) and `##` (Azure Pipelines, TeamCity) start commands of CI systems, wherever
# they stand in a log.
_COMMANDS = (("::", r":\u003a"), ("##", r"#\u0023"))

# Sentences that programs look for in the output of a plan or an apply (Atlantis, wrappers of
# Terraform, scripts): a name or a value must not speak for us. Each ends in the character that is
# escaped.
_SENTENCES = re.compile(
    r"(?P<said>No changes|Infrastructure is up-to-date|Apply (?:in)?complete|Plan(?=: \d))"
    r"(?P<end>[.!:])",
    re.IGNORECASE,
)
_HARMLESS = dict(_COMMANDS)
_ACTS_IN_JSON = re.compile(r"::|##|[^\x00-\x7e]")

_MARK_CHARS = 16

_BACKTICKS = re.compile("`+")
_SPACES = re.compile(" {2,}")
# Characters that start a formula (OWASP, "CSV Injection"), and their full-width forms, which some
# spreadsheets treat alike.
_FORMULA_BEHIND = re.compile(r';([ "]*[=+@\uff1d\uff0b\uff20\uff0d-])')
_FORMULA = tuple("=+-@\t\r'\uff1d\uff0b\uff20\uff0d")
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


def quoted(text: str) -> str:
    r"""A value as a JSON string with every invisible character escaped: `"a\u200bb"`."""
    return f'"{_escaped(text)}"'


def visible(text: str) -> str:
    r"""A name or a message, escaped as by `quoted`, without quotes around and `\"` inside it."""
    return _escaped(text).replace(r"\"", '"')


def brief(text: str, most: int) -> str:
    """A message, escaped as by `visible` and cut to `most` characters, with an ellipsis if cut."""
    return shorten(visible(text[: most + 1]), most)


def short_digest(text: str) -> str:
    """The first 16 hexadecimal digits of a text's SHA-256, to identify a text that is shown cut."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_MARK_CHARS]


def in_json(written: str) -> str:
    """An equal JSON document, with invisible characters and CI commands escaped.

    `::` and `##` can only occur inside a JSON string, so that escapes are possible everywhere.
    """
    return _ACTS_IN_JSON.sub(_as_json_escape, written)


def _as_json_escape(found: re.Match[str]) -> str:
    return "".join(map(_character, found[0])) if found[0][0] > "~" else _HARMLESS[found[0]]


def code(shown: str, *, in_table: bool = False) -> str:
    """The result of `quoted` or `visible` as a Markdown code span (CommonMark 0.31, 6.1).

    Inside a code span no host sees a mention, a link or a tag. HTML shows several spaces as one, so
    that all but the first are written as escapes. `in_table` also escapes `|` (GitHub tables).
    """
    text = _SPACES.sub(lambda run: " " + r"\u0020" * (len(run[0]) - 1), shown)
    if in_table:
        text = text.replace("|", r"\|")
    fence = "`" * (_longest(text) + 1)
    # CommonMark strips one space at each end, unless the span has nothing but spaces.
    padded = text.strip(" ") and (text[:1] in "` " or text[-1:] in "` ")
    pad = " " if padded else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def fenced(lines: list[str], language: str) -> list[str]:
    """Lines as a fenced code block, with a fence that is longer than any in the lines."""
    fence = "`" * max([3, *(_longest(line) + 1 for line in lines)])
    return [f"{fence}{language}", *lines, fence]


def _longest(text: str) -> int:
    """The length of the longest run of backticks; otherwise 0."""
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def cell(shown: str) -> str:
    """A CSV cell that no spreadsheet evaluates: a formula gets a leading apostrophe.

    Some spreadsheets split cells at semicolons even inside quotes, so that a formula after a
    semicolon is escaped as well.
    """
    text = _FORMULA_BEHIND.sub(r"\\u003b\1", shown)
    return f"'{text}" if text[:1] in _FORMULA else text


def xml(shown: str) -> str:
    """The text with `& < > "` as entities, for XML content and quoted attributes."""
    for character, entity in _ENTITIES:
        shown = shown.replace(character, entity)
    return shown


def _escaped(text: str) -> str:
    if not (_PLAIN.fullmatch(text) and "##" not in text):
        text = "".join(map(_character, text))
        for command, harmless in _COMMANDS:
            text = text.replace(command, harmless)
    return _SENTENCES.sub(_as_a_text, text)


def _as_a_text(found: re.Match[str]) -> str:
    return f"{found['said']}\\u{ord(found['end']):04x}"


@lru_cache(maxsize=4096)
def _character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if not is_unseen(character):
        return character
    return "".join(f"\\u{unit:04x}" for unit in _utf16(character))


def _utf16(character: str) -> tuple[int, ...]:
    """The UTF-16 code units of a character, as in JSON escapes: two above U+FFFF (RFC 8259, 7)."""
    code = ord(character)
    if code < _BEYOND_ONE_UNIT:
        return (code,)
    return 0xD800 + (code - _BEYOND_ONE_UNIT >> 10), 0xDC00 + (code & 0x3FF)
