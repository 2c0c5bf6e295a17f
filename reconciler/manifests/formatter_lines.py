"""Lines of a manifest -> the same lines, indented and sorted, each comment with its record."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import dropwhile

from msgspec import Struct

from reconciler.kinds import KINDS
from reconciler.manifests.comments import comments
from reconciler.manifests.composer import Reader, is_mapping
from reconciler.manifests.yaml_events import scalar_spans

INDENT = 2


class _Line(Struct, frozen=True):
    """A line of a manifest."""

    text: str
    """The line without its line end."""
    inside: bool = False
    """Whether it continues a scalar of a line above."""
    comment_at: int | None = None
    """The index at which its comment begins; None if it has none."""

    @property
    def content(self) -> bool:
        """Whether a key, a list item or a document marker is on it."""
        return not self.inside and bool(self.text[: self.comment_at].strip())

    @property
    def opens(self) -> bool:
        """Whether it ends with `:`, so that the value follows on the next lines."""
        return self.content and self.text[: self.comment_at].rstrip().endswith(":")

    def with_one_space(self) -> "_Line":
        """The line with one space before its comment."""
        if self.comment_at is None:
            return _Line(self.text.rstrip(" "))
        before = self.text[: self.comment_at].rstrip(" ")
        return _Line(
            f"{before} {self.text[self.comment_at :].rstrip()}", comment_at=len(before) + 1
        )

    @property
    def indent(self) -> str:
        """The white space at its start."""
        return self.text[: len(self.text) - len(self.text.lstrip())]


def _lines(text: str) -> list[_Line]:
    """The lines of a text that ends with a line end. Raises UnreadableYamlError if invalid."""
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


def ends_a_block(text: str) -> list[bool]:
    """For each comment that is alone on its line: whether it belongs to the block above it.

    It does if both the comment and the content line before it are indented more than the next
    content line. Any other comment belongs to the next content line.
    """
    found = _lines(text)
    after: list[int] = []
    following = 0
    for line in reversed(found):
        after.append(following)
        following = len(line.indent) if line.content else following
    before, flags = 0, []
    for line, below in zip(found, reversed(after), strict=True):
        if line.content:
            before = len(line.indent)
        elif line.comment_at is not None:
            flags.append(below < min(before, line.comment_at))
    return flags


def tidy(text: str, ends: list[bool]) -> str:
    """The text with comments indented like their content line, and single blank lines only.

    `ends` is the result of `ends_a_block` for the same comments, perhaps in another layout. Raises
    ValueError if it has more items than the text has comments.
    """
    tidy: list[_Line] = []
    before = ""
    flags = iter(ends)
    for line in _lines(text):
        if line.content and line.text == "...":
            continue  # ruamel writes it after `|+`, which need not be at the end after sorting
        if line.content:
            before = line.indent
            tidy.append(line.with_one_space())
        elif line.inside:
            tidy.append(line)
        elif line.comment_at is not None:
            # `?` stands for the indent of a comment that belongs to a later line: `_indented`
            # replaces it by the indent of that line.
            tidy.append(_Line(f"{before if next(flags) else '?'}{line.text.strip()}", comment_at=0))
        elif tidy and tidy[-1].text and not tidy[-1].opens:
            tidy.append(_Line(""))
    if next(flags, None) is not None:
        raise ValueError("a comment is missing")
    return "".join(map(_written, _indented(tidy))).rstrip("\n") + "\n" if tidy else ""


def _indented(lines: list[_Line]) -> Iterator[_Line]:
    """The lines, with comments that belong to the next content line indented like it."""
    indent = ""
    done: list[_Line] = []
    for line in reversed(lines):
        if line.content:
            indent = line.indent
        waiting = line.comment_at == 0 and line.text.startswith("?")
        done.append(_Line(f"{indent}{line.text[1:]}") if waiting else line)
    return reversed(done)


def sort_entries(text: str) -> str:
    """The text with kinds in the order of KINDS and SIDs sorted, each with its comments.

    The text must come from `tidy`.
    """
    documents: list[list[_Line]] = [[]]
    for line in _lines(text):
        if line.content and line.text == "---":
            documents.append([])
        else:
            documents[-1].append(line)
    return "---\n".join("".join(map(_written, _in_order(lines))) for lines in documents)


def _in_order(lines: list[_Line]) -> list[_Line]:
    """The lines of a document, sorted; comments at its top and at its end stay there."""
    last = (
        max(
            (number for number, line in enumerate(lines) if line.indent or _is_kept(line)),
            default=-1,
        )
        + 1
    )
    preamble, kinds = _chunks(lines[:last], "")
    ordered = list(preamble)
    for kind in sorted(kinds, key=lambda chunk: list(KINDS).index(_key(chunk))):
        head, records = _chunks(kind, " " * INDENT)
        ordered += head
        for number, record in enumerate(sorted(records, key=_key)):
            ordered += record if number else _without_blanks(record)
    return ordered + lines[last:]


def _is_kept(line: _Line) -> bool:
    """Whether a line is more than a comment or a blank."""
    return line.content or line.inside


def _chunks(lines: list[_Line], indent: str) -> tuple[list[_Line], list[list[_Line]]]:
    """The lines before the first content line with an indent, and a chunk for each such line.

    Comments and blank lines directly above a content line belong to its chunk. Above the first
    kind of a document they belong to no chunk: they may be about the whole file.
    """
    head: list[_Line] = []
    chunks: list[list[_Line]] = []
    above: list[_Line] = []
    for line in lines:
        if not _is_kept(line) and len(line.indent) <= len(indent):
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
    """The key on a chunk's first content line, unquoted and in lower case, for sorting."""
    line = next(line for line in chunk if line.content)
    return line.text.partition(":")[0].strip(" \"'").lower()


def _without_blanks(chunk: list[_Line]) -> list[_Line]:
    return list(dropwhile(lambda line: not line.text, chunk))


def _written(line: _Line) -> str:
    return f"{line.text}\n"


def comment_owners(text: str) -> Counter[tuple[str, str]]:
    """Counts of (comment, address of its record); "" as address if it is about a kind or file."""
    lines = _lines(text)
    starts = dict(_starts(text))
    owner, owners = "", []
    for number, line in enumerate(lines):
        owner = starts.get(number, "" if line.text.startswith("---") else owner)
        owners.append(owner)
    ends = iter(ends_a_block(text))
    found: Counter[tuple[str, str]] = Counter()
    for number, line in enumerate(lines):
        if line.comment_at is None:
            continue
        about = owners[number]
        if not (line.content or line.inside or next(ends)):
            below = next((n for n in range(number, len(lines)) if lines[n].content), None)
            about = owners[below] if below is not None else ""
        # A comment above the first kind stays there, even if another kind becomes the first. So
        # comments of kinds and files have no owner.
        found[line.text[line.comment_at :].rstrip(), about if "/" in about else ""] += 1
    return found


def _starts(text: str) -> Iterator[tuple[int, str]]:
    """(line from 0, kind or address) for each line on which a kind or a record begins."""
    reader = Reader(text, lambda *_: None)
    while (event := reader.next_document()) is not None:
        if not is_mapping(event):
            reader.node(event)
            continue
        for kind, records in reader.members(event):
            yield kind.mark.line, kind.text
            if not is_mapping(records):
                reader.node(records)
                continue
            for sid, body in reader.members(records):
                yield sid.mark.line, f"{kind.text}/{sid.text.lower()}"
                reader.node(body)
