"""YAML text -> what stands between its values: comments, and tabs that should not be there."""

import re
from collections.abc import Iterator

from reconciler.manifests.yaml_events import BrokenTreeError, Position, scalar_spans

# A comment begins at the start of a line or after a space (YAML 1.2, section 6.6).
_COMMENT = re.compile(r"(?<!\S)#[^\n]*")

MAX_STRAY_TABS = 20


def comments(text: str) -> Iterator[re.Match[str]]:
    """Every comment, from its `#` to the end of its line; BrokenTreeError for no YAML."""
    for start, end in _gaps(text):
        yield from _COMMENT.finditer(text, start, end)


def stray_tabs(text: str) -> Iterator[Position]:
    """The first places where tabs stand outside quotes, blocks and comments.

    Parsers disagree about them. Nothing for a text that cannot be read; its reader says so.
    """
    found = 0
    try:
        for start, end in _gaps(text):
            if "\t" in text[start:end]:
                bare = _COMMENT.sub(lambda comment: " " * len(comment[0]), text[start:end])
                if "\t" in bare:
                    yield position(text[: start + bare.index("\t")])
                    found += 1
            if found == MAX_STRAY_TABS:
                return
    except BrokenTreeError:
        return


def position(before: str) -> Position:
    """The place behind a text that begins a file."""
    return Position(before.count("\n"), len(before) - before.rfind("\n") - 1)


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    last = 0
    for start, end in scalar_spans(text):
        yield last, start
        last = end
    yield last, len(text)
