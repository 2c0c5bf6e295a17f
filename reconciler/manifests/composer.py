"""Parser events -> nodes with positions, as a stream."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from reconciler.manifests.nodes import Mapping, Node, Scalar, Sequence, size_of
from reconciler.manifests.yaml_events import (
    BLOCK_STYLES,
    MAX_DEPTH,
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    Mark,
    NewParser,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
    UnreadableYamlError,
    YAMLError,
    broken,
    events,
)

# The limit for everything that the aliases of a file expand to, in nodes plus characters: the first
# number, plus the second for each character of the file. A value that many records share stays far
# below the limit; a "billion laughs" file reaches it within milliseconds.
FREE_EXPANSION = 1_000_000
EXPANSION_PER_CHARACTER = 16

# Called with the place, the rule and the message of each problem after which reading goes on.
ReportProblem: TypeAlias = Callable[[Mark, str, str], None]


def is_mapping(event: Event) -> bool:
    """Whether the node that `event` begins is a mapping."""
    return isinstance(event, MappingStartEvent)


class Reader:
    """Reads the events of a text one at a time, and whole nodes on request.

    A problem goes to `report` if the rest is still readable; otherwise it raises
    UnreadableYamlError.
    """

    def __init__(self, text: str, report: ReportProblem, parser: NewParser | None = None) -> None:
        self._text = text
        self._next = events(text, parser)
        self._report = report
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still open
        self._expandable = FREE_EXPANSION + EXPANSION_PER_CHARACTER * len(text)

    def next_document(self) -> Event | None:
        """The first event of the next document's content; None at the end of the stream.

        Raises UnreadableYamlError if the text cannot be parsed.
        """
        try:
            event = self._next()
            while isinstance(event, StreamStartEvent | DocumentEndEvent):
                event = self._next()
            if isinstance(event, StreamEndEvent):
                return None
            if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
                self._report(event.start_mark, "directive", "directives (%...) are not allowed")
            self._anchors.clear()
            return self._next()
        except YAMLError as error:
            raise broken(error) from None

    def members(self, event: Event) -> Iterator[tuple[Scalar, Event]]:
        """The keys of the mapping that `event` begins, each with the first event of its value.

        The caller must read the value with `node` or `members` before it asks for the next key. So
        a mapping of a million keys is never in memory. The caller also checks for repeated keys.
        Raises UnreadableYamlError if the text cannot be parsed.
        """
        if event.anchor is not None:
            self._report(
                event.start_mark,
                "alias",
                "an anchor is not allowed above a record: put it on the record",
            )
        if event.tag is not None:
            self._report(event.start_mark, "tag", _TAG)
        try:
            while type(start := self._next()) is not MappingEndEvent:
                key = self._scalar(start) if type(start) is ScalarEvent else self.node(start)
                if type(start) is AliasEvent:
                    self._report(start.start_mark, "alias", _ALIAS_KEY)
                value = self._next()
                if isinstance(key, Scalar):
                    yield key, value
                else:
                    self._report(key.mark, "key", _KEY)
                    self.node(value)
        except YAMLError as error:
            raise broken(error) from None

    def node(self, event: Event) -> Node:
        """The whole node that `event` begins.

        Raises UnreadableYamlError if the text cannot be parsed, is nested more than MAX_DEPTH
        levels deep, or has an alias that is invalid or expands to too much.
        """
        # `start` and `nodes` are the first event of the innermost open collection and its nodes so
        # far (in a mapping, keys and values alternate). The stack holds those of the outer ones.
        # Without recursion, so that deep nesting cannot exhaust Python's stack.
        start, nodes = event, list[Node]()
        stack: list[tuple[Event, list[Node]]] = []
        next_event = self._next
        try:  # outside the loop, which runs for every scalar of every file
            while True:
                node: Node
                kind = type(event)
                if kind is ScalarEvent:
                    node = self._scalar(event)
                elif kind is MappingStartEvent or kind is SequenceStartEvent:
                    self._check_start(event, len(stack))
                    stack.append((start, nodes))
                    start, nodes = event, []
                    event = next_event()
                    continue
                elif kind is MappingEndEvent or kind is SequenceEndEvent:
                    node = self._collection(start, nodes)
                    start, nodes = stack.pop()
                else:
                    node = self._alias(event)
                    if type(start) is MappingStartEvent and len(nodes) % 2 == 0:
                        self._report(event.start_mark, "alias", _ALIAS_KEY)
                if not stack:
                    return node
                nodes.append(node)
                event = next_event()
        except YAMLError as error:
            raise broken(error) from None

    def _scalar(self, event: Event) -> Scalar:
        # implicit[0] is true for a plain scalar, whose type YAML derives from its text
        plain = event.implicit[0]
        node = Scalar(event.value, plain, event.start_mark)
        if event.tag is not None:
            self._report(node.mark, "tag", _TAG)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if not plain and event.style in BLOCK_STYLES:
            self._check_block(node.mark)
        return node

    def _check_block(self, mark: Mark) -> None:
        if _GLUED_COMMENT.match(self._text, mark.index):
            raise UnreadableYamlError(mark, "syntax", "a space is missing before #")

    def _check_start(self, event: Event, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise UnreadableYamlError(
                event.start_mark, "depth", f"nested more than {MAX_DEPTH} levels deep"
            )
        if event.tag is not None:
            self._report(event.start_mark, "tag", _TAG)
        if event.anchor is not None:
            self._anchors[event.anchor] = None

    def _collection(self, start: Event, nodes: list[Node]) -> Node:
        node: Node
        if type(start) is MappingStartEvent:
            node = Mapping(self._pairs(nodes), start.start_mark)
        else:
            node = Sequence(nodes, start.start_mark)
        if start.anchor is not None:
            self._anchors[start.anchor] = node
        return node

    def _pairs(self, nodes: list[Node]) -> list[tuple[Scalar, Node]]:
        pairs: list[Any] = list(zip(nodes[::2], nodes[1::2], strict=True))
        if len(pairs) == 1 and type(nodes[0]) is Scalar and nodes[0].text != "<<":
            return pairs  # the fast path: in most mappings `user_data` is the only key
        texts = {key.text for key, _ in pairs if type(key) is Scalar}
        if len(texts) == len(pairs) and "<<" not in texts:
            return pairs
        self._report_keys(nodes[::2])
        return [pair for pair in pairs if type(pair[0]) is Scalar]

    def _report_keys(self, keys: list[Node]) -> None:
        seen: dict[str, Scalar] = {}
        for key in keys:
            if not isinstance(key, Scalar):
                self._report(key.mark, "key", _KEY)
                continue
            if key.plain and key.text == "<<":
                self._report(
                    key.mark, "merge-key", "merge keys (<<) are not allowed: write the keys out"
                )
            if key.text in seen:
                self._report(key.mark, "duplicate-key", _repeated(seen[key.text].mark))
            seen.setdefault(key.text, key)

    def _alias(self, event: Event) -> Node:
        if not isinstance(event, AliasEvent):  # pragma: no cover  the parsers send nothing else
            raise UnreadableYamlError(event.start_mark, "syntax", "not a value")
        mark = event.start_mark
        if event.anchor not in self._anchors:
            raise UnreadableYamlError(mark, "alias", "an alias must come after its anchor")
        node = self._anchors[event.anchor]
        if node is None:
            raise UnreadableYamlError(
                mark, "alias", "an alias must not be inside the value of its own anchor"
            )
        self._expandable -= size_of(node, self._expandable)
        if self._expandable <= 0:
            raise UnreadableYamlError(
                mark, "alias", "the aliases of this file expand to too much: use fewer"
            )
        return node


def single_document(text: str, report: ReportProblem) -> Node | None:
    """The root node of a text with one document; None if the text has no document.

    Raises UnreadableYamlError if the text cannot be parsed or has several documents.
    """
    reader = Reader(text, report)
    event = reader.next_document()
    if event is None:
        return None
    node = reader.node(event)
    if reader.next_document() is not None:
        raise UnreadableYamlError(node.mark, "shape", "holds several documents: keep one")
    return node


_ALIAS_KEY = "a key must not be an alias"
_KEY = "a key must be text, not a mapping or a list"
# libyaml accepts `|#` as the header of a block scalar; PyYAML's own parser and YAML refuse it.
_GLUED_COMMENT = re.compile(r"(?:&\S+\s+)?[|>][-+0-9]*#")
_TAG = "tags (!...) are not allowed: quote the value"


def _repeated(first: Mark) -> str:
    return f"this key is already defined at {first.line + 1}:{first.column + 1}"
