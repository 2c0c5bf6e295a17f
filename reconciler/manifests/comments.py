"""YAML text -> its comments, and its tabs outside quotes, blocks and comments."""

import re
from collections.abc import Iterator

from reconciler.manifests.yaml_events import Position, UnreadableYamlError, scalar_spans

# A comment begins at the start of a line or after a space (YAML 1.2, section 6.6).
_COMMENT = re.compile(r"(?<!\S)#[^\n]*")

# A file that is indented with tabs has thousands of them; the first ones show the mistake.
MAX_STRAY_TABS = 20


def comments(text: str) -> Iterator[re.Match[str]]:
    """Every comment, from its `#` to the end of its line, in the order of the text.

    Raises UnreadableYamlError if the text is not YAML.
    """
    for start, end in _gaps(text):
        yield from _COMMENT.finditer(text, start, end)


def stray_tabs(text: str) -> Iterator[Position]:
    """The positions of tabs outside quotes, blocks and comments, at most MAX_STRAY_TABS.

    Parsers disagree about such tabs. Only the first tab between two scalars is listed. Stops at a
    syntax error, which the parser of the manifest reports.
    """
    found = 0
    try:
        for start, end in _gaps(text):
            if "\t" in text[start:end]:
                # Comments become spaces of the same length, so that indexes stay valid.
                bare = _COMMENT.sub(lambda comment: " " * len(comment[0]), text[start:end])
                if "\t" in bare:
                    yield position(text[: start + bare.index("\t")])
                    found += 1
            if found == MAX_STRAY_TABS:
                return
    except UnreadableYamlError:
        return


def position(before: str) -> Position:
    """The position at the end of `before`, the first part of a text."""
    return Position(before.count("\n"), len(before) - before.rfind("\n") - 1)


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the text before, between and after the scalars."""
    last = 0
    for start, end in scalar_spans(text):
        yield last, start
        last = end
    yield last, len(text)
