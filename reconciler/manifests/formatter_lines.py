"""Lines of a manifest -> the same lines, indented, each comment with its record.

Nothing is written anew: a line keeps every character but the spaces at its start, and those behind
the dash of a list in a list. The parser's events show whether a line begins a key or a list item,
or continues a text; the indentation follows from the columns of the lines above.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from reconciler.manifests.comments import comments
from reconciler.manifests.composer import Reader, is_mapping
from reconciler.manifests.yaml_events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    events,
    is_block_scalar,
)

INDENT = 2

# The indentation and the dashes at the start of a line: `  - - `.
_LEAD = re.compile(r" *(?:-(?: +|$))*")
# An explicit key (`? key`, then `: value`): such a file keeps its layout.
_EXPLICIT = ("? ", ": ")
_NO_KEY = -1


class UnusualLayoutError(Exception):
    """The layout has a form of YAML that is not rearranged; the text stays as it is."""


class _Level(Struct, frozen=True):
    """A block mapping or a block list that the current line is in."""

    old: int
    """The column of its keys or dashes."""
    new: int
    """Their column in the canonical layout."""
    is_list: bool
    """Whether it is a list."""


class Line(Struct, frozen=True, gc=False):
    """A line in its new place."""

    text: str
    """The line without its line end."""
    indent: int
    """The column of its first character; of a blank or continued line that of the line above."""
    is_key: bool
    """Whether a key of a block mapping is the first on it."""
    is_free: bool
    """Whether it is blank or a comment alone, so that it can belong to the line below."""
    is_marker: bool
    """Whether it begins or ends a document: `---`, `...`."""


class _Survey:
    """For each line of a text: whether it continues a value, and the column of its block key."""

    def __init__(self, text: str, count: int) -> None:
        self.inside = bytearray(count)
        """1 for each line that is a part of a text or of braces that began above."""
        self.keys = array("l", [_NO_KEY]) * count
        """The column of the key of a block mapping, from 0; _NO_KEY without one."""
        # For each open collection: None for a list, otherwise whether a key comes next.
        self._states: list[bool | None] = []
        # The first line of each open collection in braces or brackets.
        self._braces: list[int] = []
        next_event = events(text)
        while (kind := type(event := next_event())) is not StreamEndEvent:
            if kind in _NODES:
                self._begin(kind, event)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._end(event)

    def _begin(self, kind: type, event: Event) -> None:
        states, braces, start = self._states, self._braces, event.start_mark
        if states and states[-1] is not None:
            if states[-1] and not braces:
                self.keys[start.line] = start.column
            states[-1] = not states[-1]
        if kind is ScalarEvent:
            end = event.end_mark
            if end.line > start.line and not braces:
                # A block scalar ends at the start of the line behind it.
                self._mark(start.line, end.line - (end.column == 0 and is_block_scalar(event)))
        elif kind is not AliasEvent:
            states.append(True if kind is MappingStartEvent else None)
            if braces or event.flow_style:
                braces.append(start.line)

    def _end(self, event: Event) -> None:
        self._states.pop()
        if self._braces:
            first = self._braces.pop()
            if not self._braces:
                self._mark(first, event.end_mark.line)

    def _mark(self, first: int, last: int) -> None:
        for number in range(first + 1, min(last + 1, len(self.inside))):
            self.inside[number] = 1


_NODES = frozenset((ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent))


def indented(text: str) -> list[Line]:
    """The lines in their order, each level of mappings and lists indented by two spaces.

    `text` ends with a line end and has no carriage return. Raises UnusualLayoutError for explicit
    keys, UnreadableYamlError or YAMLError if the text is not YAML.
    """
    lines = text.split("\n")[:-1]
    survey = _Survey(text, len(lines))
    inside, keys = survey.inside, survey.keys
    levels: list[_Level] = []
    done: list[Line] = []
    waiting: list[str] = []
    above = (0, 0)  # the old and the new column of the content line above
    shift = 0
    for number, line in enumerate(lines):
        records = _records(levels)
        if inside[number]:
            done.append(_continued(line, shift, levels))
        elif (bare := line.lstrip(" ")) == "" or bare[0] == "#":
            waiting.append(line)
        elif line.startswith(("---", "...")):
            _settle(waiting, done, above, (0, 0), records)
            levels.clear()
            above, shift = (0, 0), 0
            done.append(Line(line, 0, is_key=False, is_free=False, is_marker=True))
        else:
            found = _entry(line, keys[number], levels)
            place = (len(line) - len(bare), found.indent)
            _settle(waiting, done, above, place, records)
            above = place
            shift = levels[-1].new - levels[-1].old if levels else 0
            done.append(found)
    _settle(waiting, done, above, (0, 0), _records(levels))
    return done


def _records(levels: Sequence[_Level]) -> _Level | None:
    """The level of the SIDs, below that of the kinds; None at the start of a document."""
    return levels[1] if len(levels) > 1 else None


def _settle(
    waiting: list[str],
    done: list[Line],
    above: tuple[int, int],
    below: tuple[int, int],
    records: _Level | None,
) -> None:
    """Places the comments between two content lines, whose old and new columns are given.

    A comment belongs to the block above if it and the line above are indented more than the line
    below. If it is no further in than the `records` there, it is at the end of their kind.
    Otherwise it belongs to the line below.
    """
    for line in waiting:
        text = line.lstrip(" ")
        column = len(line) - len(text)
        indent = below[1]
        if below[0] < min(above[0], column):
            indent = above[1] if records is None or column > records.old else records.new
        shown = f"{' ' * indent}{text}" if text else line
        done.append(Line(shown, indent, is_key=False, is_free=True, is_marker=False))
    waiting.clear()


def _continued(line: str, shift: int, levels: list[_Level]) -> Line:
    """A line of a value that began above, moved as far as the mapping or the list that holds it."""
    bare = line.lstrip(" ")
    spaces = len(line) - len(bare)
    indent = levels[-1].new if levels else 0
    # An empty line has no spaces to move; in a block text those of a blank line are content.
    moved = f"{' ' * max(spaces + shift, 0)}{bare}" if spaces or bare else ""
    return Line(moved, indent, is_key=False, is_free=False, is_marker=False)


def _entry(line: str, key: int, levels: list[_Level]) -> Line:
    """A line that begins a key, a list item or a value; opens and closes levels."""
    lead = _LEAD.match(line)
    start = 0 if lead is None else lead.end()
    rest = line[start:]
    if rest.startswith(_EXPLICIT) or rest in ("?", ":"):
        raise UnusualLayoutError
    indent: int | None = None  # the new column of the first character
    column: int | None = None  # the new column behind the last dash
    dashes = [at for at in range(start) if line[at] == "-"]
    for at in dashes:
        column = _enter(levels, at, is_list=True, beside=column) + INDENT
        indent = column - INDENT if indent is None else indent
    if key == start:
        new = _enter(levels, start, is_list=False, beside=column)
        indent = new if indent is None else indent
        written = f"{' ' * indent}{'- ' * len(dashes)}{rest}"
    elif indent is None:
        outer = next((level for level in reversed(levels) if level.old < start), None)
        indent = 0 if outer is None else outer.new + INDENT
        written = f"{' ' * indent}{rest}"
    else:
        # The spaces between the last dash and a value are kept.
        written = f"{' ' * indent}{'- ' * (len(dashes) - 1)}{line[dashes[-1] :]}"
    return Line(written, indent, key == start and not dashes, is_free=False, is_marker=False)


def _enter(levels: list[_Level], old: int, *, is_list: bool, beside: int | None) -> int:
    """The new column of a key or a dash in an old column; opens its level if it is the first there.

    `beside` is the new column if it stands behind a dash on the same line.
    """
    while levels and levels[-1].old > old:
        levels.pop()
    # A list may stand in the column of the key that it belongs to; a key there ends the list.
    while levels and levels[-1].old == old and levels[-1].is_list and not is_list:
        levels.pop()
    if levels and levels[-1].old == old and levels[-1].is_list == is_list:
        return levels[-1].new
    new = beside
    if new is None:
        new = levels[-1].new + INDENT if levels else 0
    levels.append(_Level(old, new, is_list))
    return new


def comment_owners(text: str) -> Counter[tuple[str, str]]:
    """Counts of (comment, address of its record); "" as address if it is about a kind or file."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    lines = text.split("\n")
    inside = _Survey(text, len(lines)).inside
    found: Counter[tuple[str, str]] = Counter()
    starting = dict(_starts(text))
    owners = _owners(starting, lines)
    begins = {about: number for number, about in starting.items()}
    content = [
        number
        for number, line in enumerate(lines)
        if not inside[number] and line.strip(" ") and line.lstrip(" ")[0] != "#"
    ]
    for comment in comments(text):
        number = bisect_right(starts, comment.start()) - 1
        about = owners[number]
        alone = not lines[number][: comment.start() - starts[number]].strip(" ")
        if alone and not inside[number]:
            at = bisect_left(content, number)
            above = _column(lines[content[at - 1]]) if at else 0
            below = _column(lines[content[at]]) if at < len(content) else 0
            if below >= min(above, _column(lines[number])):
                about = owners[content[at]] if at < len(content) else ""
            elif _column(lines[number]) <= _column(lines[begins.get(about, 0)]):
                about = ""  # no further in than the records: it is at the end of their kind
        # A comment above the first kind stays there, even if another kind becomes the first. So
        # comments of kinds and files have no owner.
        found[comment[0].rstrip(), about if "/" in about else ""] += 1
    return found


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _owners(starts: Mapping[int, str], lines: Sequence[str]) -> list[str]:
    """For each line the kind or the address that begins on it or above it in its document."""
    owner, owners = "", []
    for number, line in enumerate(lines):
        owner = starts.get(number, "" if line.startswith(("---", "...")) else owner)
        owners.append(owner)
    return owners


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
