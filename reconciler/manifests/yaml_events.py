"""YAML or JSON text -> a parser's events (the only door to yaml).

Nothing ever calls `yaml.load`: it types scalars by YAML 1.1, lets the last of two equal keys win,
and crashes the process on deep nesting. The events are iterative, carry positions, and building
from them is about ten times faster.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import yaml
from msgspec import Struct
from yaml import YAMLError
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

from reconciler.model import Source

__all__ = [
    "LIBRARY",
    "AliasEvent",
    "BrokenTreeError",
    "DocumentEndEvent",
    "DocumentStartEvent",
    "Event",
    "MappingEndEvent",
    "MappingStartEvent",
    "Mark",
    "NewParser",
    "Position",
    "ScalarEvent",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "StreamEndEvent",
    "StreamStartEvent",
    "YAMLError",
    "broken",
    "events",
    "scalar_spans",
    "source",
]

# An annotation nests a few levels; every level costs the parsers more than the one before.
MAX_DEPTH = 32

# yaml's types give attributes to an event's subclasses; readers compare classes instead.
Event: TypeAlias = Any
Mark: TypeAlias = Any  # yaml's own: .line and .column, from 0; libyaml's class has no public name
NewParser: TypeAlias = Callable[[str], Any]


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


def source(file: str, mark: Mark) -> Source:
    """A parser's mark, which counts from 0, as a place that people and editors count from 1."""
    return Source(file, mark.line + 1, mark.column + 1)


def events(text: str, parser: NewParser | None = None) -> Callable[[], Event]:
    """What gives the next event at each call, and raises YAMLError; libyaml's, if it is there."""
    next_event: Callable[[], Event] = (parser or _PARSER)(text).get_event
    return next_event


def scalar_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each scalar's own characters are, from and to (indexes); for a block without its head.

    Raises BrokenTreeError where the text cannot be read.
    """
    next_event = events(text)
    depth = 0
    try:
        while (kind := type(event := next_event())) is not StreamEndEvent:
            depth += kind in _STARTS
            depth -= kind in _ENDS
            if depth > MAX_DEPTH + _LEVELS_ABOVE:
                raise BrokenTreeError(event.start_mark, "depth", "nested too deep")
            if kind is ScalarEvent:
                start, end = event.start_mark.index, event.end_mark.index
                if event.style in BLOCK_STYLES:
                    start = text.index("\n", start) if "\n" in text[start:end] else end
                yield start, end
    except YAMLError as error:
        raise broken(error) from None


BLOCK_STYLES = frozenset("|>")
_STARTS = frozenset((MappingStartEvent, SequenceStartEvent))
_ENDS = frozenset((MappingEndEvent, SequenceEndEvent))
_LEVELS_ABOVE = 2  # kinds and SIDs, whose own values `node` counts from


def broken(error: YAMLError) -> BrokenTreeError:
    """A parser's error as ours, with its place and, where there is one, its cure."""
    mark = getattr(error, "problem_mark", None) or Position(0, 0)
    message = getattr(error, "problem", None) or "not YAML"
    return BrokenTreeError(mark, "syntax", f"{message}{_HINTS.get(message, '')}")


_HINTS = {
    "mapping values are not allowed here": ' (quote text that holds ": ")',
    "mapping values are not allowed in this context": ' (quote text that holds ": ")',
    "found character that cannot start any token": " (quote the text; indent by spaces)",
    "found invalid Unicode character escape code": (
        " (write the character itself, or \\U and eight digits for one beyond U+FFFF)"
    ),
}


class PureParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's own parser, where libyaml is missing: ten times slower, the same values.

    It is a little stricter and laxer in odd places (`[a:]`).
    """

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        self._in_plain = False

    def scan_plain(self) -> yaml.tokens.ScalarToken:
        """A plain scalar, in which libyaml and YAML 1.2 allow a question mark everywhere."""
        self._in_plain = True
        try:
            return super().scan_plain()
        finally:
            self._in_plain = False

    def peek(self, index: int = 0) -> str:
        """The character ahead; inside a plain scalar a question mark ends nothing."""
        character: str = super().peek(index)
        return "x" if self._in_plain and character == "?" else character


def _parser() -> Callable[[str], Any]:
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # not every installation has libyaml
    except ImportError:
        return PureParser
    return CParser


_PARSER = _parser()

# What reads: another version, or the other parser, might read some text in another way.
LIBRARY = f"{yaml.__version__} {_PARSER.__name__}"
