"""A manifest's text -> the same records in the canonical layout, comments kept.

The only door to ruamel.yaml, which writes the document anew with its comments; then whole lines are
moved, so that a record takes its comments along. The result is read back: what would be sent, and
every comment, must be the same, or the text is left as it is.
"""

import re
import warnings
from bisect import bisect_left, bisect_right
from collections import Counter
from io import StringIO
from itertools import dropwhile
from typing import Any

import msgspec
from msgspec import Raw, Struct

from reconciler.comments import comments
from reconciler.errors import ReconcilerError
from reconciler.kinds import KINDS
from reconciler.loading import records_in
from reconciler.manifest import bad_character
from reconciler.model import Address, Record, Severity
from reconciler.tree import scalar_spans

_INDENT = 2
# Every scalar stays on its line, however long: a break inside would be one more thing to review.
_ENDLESS = 10**9

# A word that no quotes are put round; longer where a manifest holds it.
_MARK = "quoted"

_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t"}
_LAST_OF_FOUR_DIGITS = 0xFFFF


class LayoutError(ReconcilerError):
    """A layout that would lose something."""


def canonical(file: str, text: str) -> str:
    """The text in its canonical layout: kinds in the API's order, SIDs sorted, two spaces a level.

    The text must hold no problems. Raises LayoutError, which names the file, where a comment stands
    in a place that cannot be kept.
    """
    if file.endswith(".json"):
        return _json(text)
    written = _tidied(_rewritten(text))
    for candidate in (
        _tidied(_sorted(written)),
        written,
    ):  # an alias may have to stay behind its anchor
        if _same_records(file, text, candidate):
            if _comments(text) == _comments(candidate):
                return candidate
            break
    raise LayoutError(
        f"{file}: a comment stands where it cannot be kept: give it a line of its own"
    )


def _json(text: str) -> str:
    kinds = msgspec.json.decode(text, type=dict[str, dict[str, Raw]])
    ordered = {kind: dict(sorted(kinds[kind].items())) for kind in KINDS if kind in kinds}
    return msgspec.json.format(msgspec.json.encode(ordered), indent=_INDENT).decode() + "\n"


def _comments(text: str) -> Counter[str]:
    return Counter(comment[0].rstrip() for comment in comments(text))


def _same_records(file: str, before: str, after: str) -> bool:
    return _written(file, before) == _written(file, after)


def _written(file: str, text: str) -> dict[Address, tuple[str | None, bool]] | None:
    """What would be sent, record by record; None where the text has problems."""
    if bad_character(file, text) is not None:
        return None
    records: dict[Address, tuple[str | None, bool]] = {}
    for item in records_in(file, text):
        if isinstance(item, Record):
            records[item.address] = (item.wanted, item.structured)
        elif item.severity is Severity.ERROR:
            return None
    return records


def _rewritten(text: str) -> str:
    quoted: dict[str, str] = {}
    yaml = _yaml(text, quoted)
    with warnings.catch_warnings(action="ignore"):  # an anchor's name may be used again
        documents = [document for document in yaml.load_all(text) if document is not None]
    for document in documents:
        for records in document.values():
            _in_block_style(records)
            for body in records.values():
                _in_block_style(body)
    stream = StringIO()
    yaml.dump_all(documents, stream)
    if not quoted:
        return stream.getvalue()
    marks = re.compile("|".join(sorted(quoted, key=len, reverse=True)))
    return marks.sub(lambda mark: quoted[mark[0]], stream.getvalue())


def _in_block_style(node: Any) -> None:
    if node:  # an empty mapping can only be written as {}
        node.fa.set_block_style()


def _yaml(text: str, quoted: dict[str, str]) -> Any:
    """A round trip by ruamel, in which each scalar stays the characters that were written.

    A text in double quotes is written as a mark, and what the mark stands for put into `quoted`:
    ruamel itself would write the escape of an invisible character as the character.
    """
    from ruamel.yaml import YAML  # heavy, and only for `fmt`
    from ruamel.yaml.constructor import RoundTripConstructor
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.resolver import VersionedResolver

    prefix = _MARK
    while prefix in text:
        prefix += _MARK

    class Untyped(VersionedResolver):
        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if kind is ScalarNode:
                return self.DEFAULT_SCALAR_TAG
            return super().resolve(kind, value, implicit)

    class Explicit(RoundTripConstructor):
        def construct_scalar(self, node: Any) -> Any:
            if node.style == '"':
                mark = f"{prefix}{len(quoted)}{_MARK}"
                quoted[mark] = _quoted(node.value)
                node.value, node.style = mark, None
            elif not node.style and node.value == "":
                node.value = "null"  # as text it would be written with quotes
            return super().construct_scalar(node)

    yaml = YAML(typ="rt")
    yaml.Resolver = Untyped
    yaml.Constructor = Explicit
    yaml.preserve_quotes = True
    yaml.width = _ENDLESS
    yaml.indent(mapping=_INDENT, sequence=2 * _INDENT, offset=_INDENT)
    return yaml


def _quoted(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"


class _Line(Struct, frozen=True):
    """A line: where its comment begins, and whether it is the inside of a scalar."""

    text: str
    inside: bool = False
    comment_at: int | None = None

    @property
    def content(self) -> bool:
        """Whether a key, an item or a marker begins on it."""
        return not self.inside and bool(self.text[: self.comment_at].strip())

    @property
    def indent(self) -> str:
        """The spaces at its start."""
        return self.text[: len(self.text) - len(self.text.lstrip())]


def _lines(text: str) -> list[_Line]:
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    inside = {
        number
        for start, end in scalar_spans(text)
        for number in range(bisect_right(starts, start), bisect_left(starts, end))
    }
    comment_at = {}
    for comment in comments(text):
        number = bisect_right(starts, comment.start()) - 1
        comment_at[number] = comment.start() - starts[number]
    return [
        _Line(line, number in inside, comment_at.get(number))
        for number, line in enumerate(text.split("\n")[:-1])
    ]


def _tidied(text: str) -> str:
    """Comments as far in as what they are about, and one blank line at the most."""
    tidy: list[str] = []
    indent = ""
    for line in reversed(_lines(text)):
        if line.inside:
            tidy.append(line.text)
        elif line.text == "...":
            continue  # behind a block with open end, which need not be the last one any more
        elif line.content:
            before, comment = (
                line.text[: line.comment_at],
                line.text[len(line.text[: line.comment_at]) :],
            )
            tidy.append(f"{before.rstrip()} {comment.rstrip()}".rstrip())
            indent = line.indent
        elif line.comment_at is not None:
            tidy.append(f"{indent}{line.text.strip()}")
        elif tidy and tidy[-1]:
            tidy.append("")
    return _PARENT.sub(r"\1\n", "\n".join(reversed(tidy)).lstrip("\n") + "\n")


# A SID, or `user_data:`, with its comment, and a blank line before what belongs to it.
_PARENT = re.compile(r"^( *[\w\"'-]+:(?: #.*)?)\n\n(?=  )", re.MULTILINE)


def _sorted(text: str) -> str:
    documents: list[list[_Line]] = [[]]
    for line in _lines(text):
        if line.content and line.text == "---":
            documents.append([])
        else:
            documents[-1].append(line)
    return "---\n".join("".join(map(_written_line, _in_order(lines))) for lines in documents)


def _in_order(lines: list[_Line]) -> list[_Line]:
    """A document's lines, kinds and SIDs in order; what stands above and below stays there."""
    last = max((number for number, line in enumerate(lines) if _is_kept(line)), default=-1) + 1
    preamble, kinds = _chunks(lines[:last], "")
    ordered = list(preamble)
    for kind in sorted(kinds, key=lambda chunk: list(KINDS).index(_key(chunk))):
        head, records = _chunks(kind, " " * _INDENT)
        ordered += head
        for number, record in enumerate(sorted(records, key=_key)):
            ordered += record if number else _without_blanks(record)
    return ordered + lines[last:]


def _is_kept(line: _Line) -> bool:
    """Whether a line is more than a comment or a blank."""
    return line.content or line.inside


def _chunks(lines: list[_Line], indent: str) -> tuple[list[_Line], list[list[_Line]]]:
    """What stands before the first content line at an indent, and a chunk for each such line.

    Comments and blanks right above a chunk belong to it, but for the first kind of a document.
    """
    head: list[_Line] = []
    chunks: list[list[_Line]] = []
    above: list[_Line] = []
    for line in lines:
        if not _is_kept(line):
            above.append(line)
        elif line.content and line.indent == indent:
            if not chunks and not indent:
                head, above = above, []
            chunks.append([*above, line])
            above = []
        else:
            (chunks[-1] if chunks else head).extend([*above, line])
            above = []
    (chunks[-1] if chunks else head).extend(above)
    return head, chunks


def _key(chunk: list[_Line]) -> str:
    """The key of a chunk's first content line, as it sorts."""
    line = next(line for line in chunk if line.content)
    return line.text.partition(":")[0].strip(" \"'").lower()


def _without_blanks(chunk: list[_Line]) -> list[_Line]:
    return list(dropwhile(lambda line: not line.text, chunk))


def _written_line(line: _Line) -> str:
    return f"{line.text}\n"
