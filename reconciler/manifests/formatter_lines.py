"""Lines of a manifest -> the same lines, tidy and in order, comments beside what they are about."""

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
    """A line: where its comment begins, and whether it is the inside of a scalar."""

    text: str
    inside: bool = False
    comment_at: int | None = None

    @property
    def content(self) -> bool:
        """Whether a key, an item or a marker begins on it."""
        return not self.inside and bool(self.text[: self.comment_at].strip())

    @property
    def opens(self) -> bool:
        """Whether what belongs to its key follows."""
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


def ends_a_block(text: str) -> list[bool]:
    """For each comment on a line of its own whether it ends what stands above it.

    It does where a block ends with it: it stands further in than what comes next, and so does what
    comes before. Every other comment is about what comes next.
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
    """Comments as far in as what they are about, and one blank line at the most.

    `ends` is what `deeper` says of the same comments. ValueError where they are not as many.
    """
    tidy: list[_Line] = []
    before = ""
    flags = iter(ends)
    for line in _lines(text):
        if line.content and line.text == "...":
            continue  # behind a block with open end, which need not be the last one any more
        if line.content:
            before = line.indent
            tidy.append(line.with_one_space())
        elif line.inside:
            tidy.append(line)
        elif line.comment_at is not None:
            tidy.append(_Line(f"{before if next(flags) else '?'}{line.text.strip()}", comment_at=0))
        elif tidy and tidy[-1].text and not tidy[-1].opens:
            tidy.append(_Line(""))
    if next(flags, None) is not None:
        raise ValueError("a comment is missing")
    return "".join(map(_written, _indented(tidy))).rstrip("\n") + "\n" if tidy else ""


def _indented(lines: list[_Line]) -> Iterator[_Line]:
    """Comments that are about what comes next, as far in as that."""
    indent = ""
    done: list[_Line] = []
    for line in reversed(lines):
        if line.content:
            indent = line.indent
        waiting = line.comment_at == 0 and line.text.startswith("?")
        done.append(_Line(f"{indent}{line.text[1:]}") if waiting else line)
    return reversed(done)


def sort_entries(text: str) -> str:
    """Kinds and SIDs in order, each with its comments; the text has to be tidy."""
    documents: list[list[_Line]] = [[]]
    for line in _lines(text):
        if line.content and line.text == "---":
            documents.append([])
        else:
            documents[-1].append(line)
    return "---\n".join("".join(map(_written, _in_order(lines))) for lines in documents)


def _in_order(lines: list[_Line]) -> list[_Line]:
    """A document's lines, kinds and SIDs in order; what stands above and below stays there."""
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
    """What stands before the first content line at an indent, and a chunk for each such line.

    Comments and blanks right above a chunk belong to it, but for the first kind of a document.
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
    """The key of a chunk's first content line, as it sorts."""
    line = next(line for line in chunk if line.content)
    return line.text.partition(":")[0].strip(" \"'").lower()


def _without_blanks(chunk: list[_Line]) -> list[_Line]:
    return list(dropwhile(lambda line: not line.text, chunk))


def _written(line: _Line) -> str:
    return f"{line.text}\n"


def comment_owners(text: str) -> Counter[tuple[str, str]]:
    """Every comment with the record that it is about, nothing for one about a kind or a file."""
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
        # What stands above the first kind stays there, whichever kind that becomes.
        found[line.text[line.comment_at :].rstrip(), about if "/" in about else ""] += 1
    return found


def _starts(text: str) -> Iterator[tuple[int, str]]:
    """The lines on which kinds and records begin."""
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
