"""Lines of a manifest -> the same lines, kinds and SIDs sorted, each comment with its record."""

from collections.abc import Iterable, Iterator
from itertools import dropwhile, takewhile

from reconciler.kinds import KINDS
from reconciler.manifests.formatter_lines import INDENT, Line, UnusualLayoutError


def in_order(lines: list[Line]) -> list[Line]:
    """The lines, kinds in the order of KINDS and SIDs sorted, except in braces.

    Documents, and comments at their ends, stay in place. Raises UnusualLayoutError for a kind with
    an anchor.
    """
    if _is_sorted(lines):
        return lines
    ordered: list[Line] = []
    document: list[Line] = []
    for line in lines:
        if line.is_marker:
            ordered += _sorted_document(document)
            ordered.append(line)
            document = []
        else:
            document.append(line)
    return ordered + _sorted_document(document)


def _is_sorted(lines: Iterable[Line]) -> bool:
    kind, sid = -1, ""
    for line in lines:
        if line.is_marker:
            kind, sid = -1, ""
        elif line.is_key and line.indent == 0:
            number = _kind_number(line)
            if number < kind:
                return False
            kind, sid = number, ""
        elif line.is_key and line.indent == INDENT:
            found = _key(line)
            if found < sid:
                return False
            sid = found
    return True


def _sorted_document(lines: list[Line]) -> list[Line]:
    # Comments and blank lines at the end, at the left margin, stay there.
    last = max((n for n, line in enumerate(lines) if not line.is_free or line.indent), default=-1)
    preamble, kinds, rest = _chunks(lines[: last + 1], 0)
    ordered = list(preamble)
    for kind in sorted(kinds, key=lambda chunk: _kind_number(_first_key(chunk, 0))):
        head, records, end = _chunks(kind, INDENT)
        ordered += head
        ordered += _joined(records)
        ordered += end
    return ordered + rest + lines[last + 1 :]


def _joined(records: list[list[Line]]) -> Iterator[Line]:
    """The lines of records in order of SID.

    Blank lines above a record separate it from the one above. If it becomes the first one, they
    separate the one that was first.
    """
    ordered = sorted(records, key=lambda chunk: _key(_first_key(chunk, INDENT)))
    for chunk in ordered:
        if chunk is ordered[0] and chunk is not records[0]:
            yield from dropwhile(_is_blank, chunk)
            continue
        if chunk is records[0] and chunk is not ordered[0]:
            yield from takewhile(_is_blank, ordered[0])
        yield from chunk


def _is_blank(line: Line) -> bool:
    return line.is_free and not line.text.strip()


def _chunks(lines: list[Line], indent: int) -> tuple[list[Line], list[list[Line]], list[Line]]:
    """The lines before the first key with an indentation, a chunk for each such key, and the rest.

    Comments and blank lines directly above a key belong to its chunk. Above the first kind of a
    document they belong to no chunk: they may be about the whole file. Nor do those at the end,
    which are no further in than the keys: they stay there.
    """
    head: list[Line] = []
    chunks: list[list[Line]] = []
    above: list[Line] = []
    for line in lines:
        if line.is_free and line.indent <= indent:
            above.append(line)
        elif line.is_key and line.indent == indent:
            if not chunks and not indent:
                head, above = above, []
            chunks.append([*above, line])
            above = []
        else:
            (chunks[-1] if chunks else head).extend([*above, line])
            above = []
    return head, chunks, above


def _first_key(chunk: list[Line], indent: int) -> Line:
    return next(line for line in chunk if line.is_key and line.indent == indent)


def _key(line: Line) -> str:
    """The key on a line, unquoted and in lower case, for sorting."""
    return line.text.partition(":")[0].strip(" \"'").lower()


def _kind_number(line: Line) -> int:
    """The place of a kind in KINDS. Raises UnusualLayoutError for a key with an anchor."""
    name = _key(line)
    if name not in KINDS:
        raise UnusualLayoutError
    return list(KINDS).index(name)
