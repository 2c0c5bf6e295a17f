"""YAML or JSON text -> nodes with positions, as a stream (the only door to yaml).

Nothing here ever calls `yaml.load`: it types scalars by YAML 1.1, lets the last of two equal keys
win, and crashes the process on deep nesting. The parser's events are iterative, carry positions,
and building from them is about ten times faster.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import yaml
from msgspec import Struct
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

# An annotation nests a few levels; every level costs the parsers more than the one before.
MAX_DEPTH = 32
# What a file's aliases may expand to, in values: this much, and one more for each character of the
# file. A value that many records share stays far below it, a "billion laughs" ends in milliseconds.
FREE_ALIASED_NODES = 10_000

# yaml's types give attributes to an event's subclasses; the loop below compares classes instead.
Event: TypeAlias = Any
Mark: TypeAlias = Any  # yaml's own: .line and .column, from 0; libyaml's class has no public name


class Scalar(Struct, frozen=True, gc=False):
    """A leaf: `plain` tells that it was written without quotes or block marks."""

    text: str
    plain: bool
    mark: Mark


class Mapping(Struct, frozen=True):
    """Keys and values in the order of the file; keys are unique."""

    pairs: list[tuple[Scalar, "Node"]]
    mark: Mark


class Sequence(Struct, frozen=True):
    """Items in order."""

    items: list["Node"]
    mark: Mark


Node: TypeAlias = Scalar | Mapping | Sequence

# Told of each problem that does not end the reading: where, rule, message.
Report: TypeAlias = Callable[[Mark, str, str], None]


def is_mapping(event: Event) -> bool:
    """Whether the node that `event` begins is a mapping."""
    return isinstance(event, MappingStartEvent)


class Position(Struct, frozen=True, gc=False):
    """A place that no parser named, from 0 like the parsers' own marks."""

    line: int
    column: int


class BrokenTreeError(Exception):
    """The rest of the text cannot be read: where, rule, message."""

    def __init__(self, mark: Mark, rule: str, message: str) -> None:
        super().__init__(message)
        self.mark: Mark = mark
        self.rule = rule
        self.message = message


class _Open(Struct):
    """A collection whose end is still to come; a mapping's keys and values alternate in `nodes`."""

    mapping: bool
    nodes: list[Node]
    mark: Mark
    anchor: str | None


class Reader:
    """Events one at a time, and whole nodes on request.

    Problems that leave the rest readable go to `report`; what does not raises BrokenTreeError.
    """

    def __init__(
        self, text: str, report: Report, parser: Callable[[str], Any] | None = None
    ) -> None:
        self._text = text
        self._parser = (parser or _PARSER)(text)
        self._report = report
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still open
        self._aliasable_nodes = FREE_ALIASED_NODES + len(text)

    def next(self) -> Event:
        """The next event; tags, anchors and positions still on it."""
        try:
            return self._parser.get_event()
        except yaml.YAMLError as error:
            raise _broken(error) from None

    def next_document(self) -> Event | None:
        """The first event of the next document's content, None at the end of the stream."""
        event = self.next()
        while isinstance(event, StreamStartEvent | DocumentEndEvent):
            event = self.next()
        if isinstance(event, StreamEndEvent):
            return None
        if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
            self._report(event.start_mark, "directive", "directives (%...) are not allowed")
        self._anchors.clear()
        return self.next()

    def members(self, event: Event) -> Iterator[tuple[Scalar, Event]]:
        """The keys of the mapping that `event` begins, each with the first event of its value.

        The caller reads that value, by `node` or `members`, before it asks for the next key: so a
        mapping of a million keys is never in memory. Repeated keys are the caller's to find.
        """
        if event.anchor is not None:
            self._report(event.start_mark, "alias", "an anchor must stand on a record's own value")
        while not isinstance(start := self.next(), MappingEndEvent):
            key = self.node(start)
            value = self.next()
            if isinstance(key, Scalar):
                yield key, value
            else:
                self._report(key.mark, "key", _KEY)
                self.node(value)

    def node(self, event: Event) -> Node:
        """The whole node that `event` begins."""
        stack: list[_Open] = []
        while True:
            node: Node
            kind = type(event)
            if kind is ScalarEvent:
                if event.tag is not None:
                    self._report(event.start_mark, "tag", _TAG)
                if event.style in _BLOCK_STYLES and _GLUED_COMMENT.match(self._text, _index(event)):
                    raise BrokenTreeError(event.start_mark, "syntax", "a space is missing before #")
                # implicit[0]: a plain scalar, to which YAML would give a type by its looks
                node = Scalar(event.value, event.implicit[0], event.start_mark)
                if event.anchor is not None:
                    self._anchors[event.anchor] = node
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                stack.append(self._open(event, len(stack)))
                event = self.next()
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                node = self._close(stack.pop())
            else:
                node = self._alias(event)
            if not stack:
                return node
            stack[-1].nodes.append(node)
            event = self.next()

    def _open(self, event: Event, depth: int) -> _Open:
        if depth >= MAX_DEPTH:
            raise BrokenTreeError(
                event.start_mark, "depth", f"nested more than {MAX_DEPTH} levels deep"
            )
        if event.tag is not None:
            self._report(event.start_mark, "tag", _TAG)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        return _Open(type(event) is MappingStartEvent, [], event.start_mark, event.anchor)

    def _close(self, opened: _Open) -> Node:
        node: Node
        if opened.mapping:
            node = Mapping(self._pairs(opened.nodes), opened.mark)
        else:
            node = Sequence(opened.nodes, opened.mark)
        if opened.anchor is not None:
            self._anchors[opened.anchor] = node
        return node

    def _pairs(self, nodes: list[Node]) -> list[tuple[Scalar, Node]]:
        pairs: list[tuple[Scalar, Node]] = []
        seen: dict[str, Scalar] = {}
        for key, value in zip(nodes[::2], nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                self._report(key.mark, "key", _KEY)
                continue
            if key.plain and key.text == "<<":
                self._report(key.mark, "merge-key", "merge keys (<<) are not allowed: write it out")
            first = seen.setdefault(key.text, key)
            if first is not key:
                self._report(key.mark, "duplicate-key", _repeated(first.mark))
            pairs.append((key, value))
        return pairs

    def _alias(self, event: Event) -> Node:
        if not isinstance(event, AliasEvent):  # pragma: no cover  the parsers send nothing else
            raise BrokenTreeError(event.start_mark, "syntax", "not a value")
        mark = event.start_mark
        if event.anchor not in self._anchors:
            raise BrokenTreeError(mark, "alias", "an alias must come after its anchor")
        node = self._anchors[event.anchor]
        if node is None:
            raise BrokenTreeError(mark, "alias", "an alias must not stand inside its own anchor")
        self._aliasable_nodes -= _size(node, self._aliasable_nodes)
        if self._aliasable_nodes <= 0:
            raise BrokenTreeError(mark, "alias", "the file's aliases expand to too many values")
        return node


_KEY = "a key must be text, not a mapping or a list"
_TAG = "tags (!...) are not allowed: quote the value"

# libyaml reads `|#` as the head of a block, PyYAML's own parser refuses it, and so does YAML.
_BLOCK_STYLES = frozenset("|>")
_GLUED_COMMENT = re.compile(r"(?:&\S+\s+)?[|>][-+0-9]*#")


def _index(event: Event) -> int:
    index: int = event.start_mark.index
    return index


def _repeated(first: Mark) -> str:
    return f"this key is already there at {first.line + 1}:{first.column + 1}"


def _size(node: Node, most: int) -> int:
    """How many nodes a node expands to; counting ends at `most`."""
    size, waiting = 0, [node]
    while waiting and size < most:
        node = waiting.pop()
        size += 1
        if isinstance(node, Mapping):
            waiting.extend(value for _, value in node.pairs)
            size += len(node.pairs)
        elif isinstance(node, Sequence):
            waiting.extend(node.items)
    return size


def _broken(error: yaml.YAMLError) -> BrokenTreeError:
    mark = getattr(error, "problem_mark", None) or Position(0, 0)
    message = getattr(error, "problem", None) or "not YAML"
    return BrokenTreeError(mark, "syntax", f"{message}{_HINTS.get(message, '')}")


_HINTS = {
    "mapping values are not allowed here": ' (quote text that holds ": ")',
    "mapping values are not allowed in this context": ' (quote text that holds ": ")',
    "found character that cannot start any token": " (quote the text)",
}


class PureParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's own parser, where libyaml is missing: the same verdicts, ten times slower."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


def _parser() -> Callable[[str], Any]:
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # not every installation has libyaml
    except ImportError:
        return PureParser
    return CParser


_PARSER = _parser()
