"""YAML or JSON text -> the events of a YAML parser. No other module imports yaml.

`yaml.load` is never called: it types scalars by YAML 1.1, keeps the last of two equal keys and
crashes the process on deep nesting. Events are read iteratively and have positions, and building
values from them is about ten times faster.
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
    "UnreadableYamlError",
    "YAMLError",
    "broken",
    "events",
    "is_block_scalar",
    "scalar_spans",
    "source",
]

# user_data is nested a few levels deep; each level costs the parsers more than the one before.
MAX_DEPTH = 32

# The type stubs of yaml declare attributes on subclasses of an event; readers compare classes.
Event: TypeAlias = Any
Mark: TypeAlias = Any  # yaml's mark: .line and .column, from 0; libyaml's class is not public
NewParser: TypeAlias = Callable[[str], Any]


class Position(Struct, frozen=True, gc=False):
    """A place that does not come from a parser; usable as a Mark."""

    line: int
    """From 0."""
    column: int
    """From 0, in characters."""


class UnreadableYamlError(Exception):
    """The rest of the text cannot be read."""

    def __init__(self, mark: Mark, rule: str, message: str) -> None:
        super().__init__(message)
        self.mark: Mark = mark
        """Where reading stopped."""
        self.rule = rule
        """The rule that is broken, a key of RULES such as `syntax`."""
        self.message = message
        """The error, and where possible the fix."""


def source(file: str, mark: Mark) -> Source:
    """A mark (from 0) as a place for people and editors (from 1)."""
    return Source(file, mark.line + 1, mark.column + 1)


def events(text: str, parser: NewParser | None = None) -> Callable[[], Event]:
    """A function that returns the next event at each call and raises YAMLError at a syntax error.

    Uses `parser`; if it is None, libyaml, or PyYAML's own parser if libyaml is not installed.
    """
    next_event: Callable[[], Event] = (parser or _PARSER)(text).get_event
    return next_event


def scalar_spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) indexes of every scalar; block scalars without their `|` or `>` header.

    Raises UnreadableYamlError if the text cannot be parsed or is nested too deep.
    """
    next_event = events(text)
    depth = 0
    try:
        while (kind := type(event := next_event())) is not StreamEndEvent:
            depth += kind in _STARTS
            depth -= kind in _ENDS
            if depth > MAX_DEPTH + _LEVELS_ABOVE:
                raise UnreadableYamlError(event.start_mark, "depth", "nested too deep")
            if kind is ScalarEvent:
                start, end = event.start_mark.index, event.end_mark.index
                if event.style in BLOCK_STYLES:
                    start = text.index("\n", start) if "\n" in text[start:end] else end
                yield start, end
    except YAMLError as error:
        raise broken(error) from None


def is_block_scalar(event: Event) -> bool:
    """Whether a scalar is written as a block: `|` or `>`."""
    return event.style in BLOCK_STYLES


BLOCK_STYLES = frozenset("|>")
_STARTS = frozenset((MappingStartEvent, SequenceStartEvent))
_ENDS = frozenset((MappingEndEvent, SequenceEndEvent))
_LEVELS_ABOVE = 2  # kinds and SIDs: `Reader.node` counts levels from a record's own value


def broken(error: YAMLError) -> UnreadableYamlError:
    """A parser's error as a UnreadableYamlError, with its place and, if known, the fix."""
    mark = getattr(error, "problem_mark", None) or Position(0, 0)
    message = getattr(error, "problem", None) or "is not YAML"
    return UnreadableYamlError(mark, "syntax", f"{message}{_HINTS.get(message, '')}")


_HINTS = {
    "mapping values are not allowed here": ' (quote text that holds ": ")',
    "mapping values are not allowed in this context": ' (quote text that holds ": ")',
    "found character that cannot start any token": " (quote the text; indent with spaces)",
    "found invalid Unicode character escape code": (
        " (write the character itself, or \\U and eight digits for one beyond U+FFFF)"
    ),
}


class PureParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's own parser, used if libyaml is missing: ten times slower, the same values.

    It accepts some odd texts that libyaml refuses, and refuses some that libyaml accepts (`[a:]`).
    """

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        self._in_plain = False

    def scan_plain(self) -> yaml.tokens.ScalarToken:
        """A plain scalar. libyaml and YAML 1.2 allow a question mark anywhere in it."""
        self._in_plain = True
        try:
            return super().scan_plain()
        finally:
            self._in_plain = False

    def peek(self, index: int = 0) -> str:
        """The character ahead; `x` for a question mark in a plain scalar, where it ends nothing."""
        character: str = super().peek(index)
        return "x" if self._in_plain and character == "?" else character


def _parser() -> Callable[[str], Any]:
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # not every installation has libyaml
    except ImportError:
        return PureParser
    return CParser


_PARSER = _parser()

# The parser and its version, part of the cache key: another one may read a text differently.
LIBRARY = f"{yaml.__version__} {_PARSER.__name__}"
