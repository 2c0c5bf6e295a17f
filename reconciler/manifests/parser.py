"""A manifest's text -> entries with file, line and column, as a stream.

An entry is a SID with the node under it. `validation` checks whether it is a record.
"""

import json
import re
from collections.abc import Iterator

from msgspec import Struct

from reconciler.kinds import KINDS
from reconciler.manifests.comments import stray_tabs
from reconciler.manifests.composer import Reader, ReportProblem, is_mapping
from reconciler.manifests.nodes import Node, Scalar
from reconciler.manifests.yaml_events import Mark, Position, UnreadableYamlError, source
from reconciler.model import Problem, Source
from reconciler.wording import did_you_mean, nearest

# A surrogate pair, as JSON escapes a character beyond U+FFFF (RFC 8259, section 7). An even number
# of backslashes may come before it: after an odd number, `\u` is not an escape.
_PAIR = re.compile(
    r"(?P<before>(?<!\\)(?:\\\\)*)\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})",
    re.IGNORECASE,
)


class Entry(Struct, frozen=True):
    """A SID with the node under it, not validated yet."""

    kind: str
    """The key above the SID, one of KINDS."""
    sid: Scalar
    """The SID as it is written: in any case, perhaps not a UUID."""
    body: Node
    """The node under the SID; in a valid entry a mapping with the key `user_data`."""
    file: str
    """The name of the manifest, as problems show it."""

    def source(self, mark: Mark) -> Source:
        """The file, line and column of a mark in this entry."""
        return source(self.file, mark)


def parse(file: str, text: str) -> Iterator[Entry | Problem]:
    """The entries and problems of a manifest's text, in the order of the file.

    `file` names the manifest in problems; the text is JSON if the name ends in `.json`. An entry
    with a problem is not yielded. A syntax error ends the stream.
    """
    found: list[Problem] = []

    def report(mark: Mark, rule: str, message: str) -> None:
        found.append(Problem(source(file, mark), rule, message))

    empty = True
    try:
        if file.lower().endswith(".json"):
            text = _yaml_of(text) if text.strip() else text
        elif "\t" in text:
            for where in stray_tabs(text):
                report(where, "tab", "a tab is not allowed outside quotes: use spaces")
        for entry in _entries(Reader(text, report), file, report):
            # If one part of an entry has a problem, its value is not certain: it is not yielded.
            if not found and entry is not None:
                yield entry
            yield from found
            empty = False
            found.clear()
    except UnreadableYamlError as broken:
        report(broken.mark, broken.rule, broken.message)
    yield from found
    if empty and not found:
        yield Problem(Source(file, 1, 1), "empty", f"holds no records: {_EXPECTED}")


def _entries(reader: Reader, file: str, report: ReportProblem) -> Iterator[Entry | None]:
    """The entries; None after a problem that is not one of the next entry."""
    while (event := reader.next_document()) is not None:
        if is_mapping(event):
            kinds: set[str] = set()
            for kind, records in reader.members(event):
                if kind.text in kinds:
                    report(kind.mark, "duplicate-key", f"`{kind.text}` is already defined above")
                kinds.add(kind.text)
                if kind.text not in KINDS:
                    hint = did_you_mean(kind.text, KINDS) or f": {_EXPECTED}"
                    report(kind.mark, "unknown-kind", f"`{kind.text}` is not a kind{hint}")
                    yield None
                # A misspelt kind must not hide the problems of its records.
                name = kind.text if kind.text in KINDS else nearest(kind.text, KINDS)
                if name is None:
                    reader.node(records)
                elif not is_mapping(records):
                    node = reader.node(records)
                    report(node.mark, "shape", f"expected records by SID under `{kind.text}`")
                else:
                    for sid, body in reader.members(records):
                        yield Entry(name, sid, reader.node(body), file)
        else:
            node = reader.node(event)
            if not (isinstance(node, Scalar) and node.plain and not node.text):
                report(node.mark, "shape", f"is not a manifest: {_EXPECTED}")


_EXPECTED = "expected " + " or ".join(f"`{kind}:`" for kind in KINDS) + " with records by SID"


def _yaml_of(text: str) -> str:
    r"""JSON as both YAML parsers read it alike: no tabs, `\U0001F600` for `\ud83d\ude00`.

    `\U0001F600` is two characters shorter: the column of a problem behind it in the same line is
    too small by two. Raises UnreadableYamlError for text that is not JSON: YAML accepts more.
    """
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = Position(error.lineno - 1, error.colno - 1)
        raise UnreadableYamlError(where, "syntax", f"is not JSON: {error.msg.lower()}") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableYamlError(Position(0, 0), "syntax", f"is not JSON: {error}") from None
    text = text.replace("\t", " ")  # valid JSON has tabs between tokens only
    return _PAIR.sub(_character, text) if "\\ud" in text.lower() else text


def _no_constant(name: str) -> None:
    # json.loads accepts NaN and Infinity; RFC 8259, section 6, does not.
    raise ValueError(f"{name} is not a JSON number")


def _character(pair: re.Match[str]) -> str:
    high, low = int(pair["high"], 16), int(pair["low"], 16)
    code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    return f"{pair['before']}\\U{code:08X}"
