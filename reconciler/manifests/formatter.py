"""A manifest's text -> the same records in the canonical layout, with their comments.

YAML is never written anew: whole lines are indented (`formatter_lines`) and moved
(`formatter_order`), so that scalars, quotes, comments and document starts stay as they are, to the
byte. The result is parsed again. If a value to send or a comment is not the same, the next gentler
layout is tried; the last one is the text itself.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from reconciler.errors import ReconcilerError
from reconciler.kinds import KINDS
from reconciler.manifests.discovery import bad_character
from reconciler.manifests.formatter_lines import (
    INDENT,
    Line,
    UnusualLayoutError,
    comment_owners,
    indented,
)
from reconciler.manifests.formatter_order import in_order
from reconciler.manifests.loader import parse_records
from reconciler.manifests.validation import collect_records, is_error
from reconciler.manifests.yaml_events import UnreadableYamlError, YAMLError
from reconciler.model import Address

# Part of the key of a text that is known to be in the canonical layout (`cache.Cache`).
FORMATTER_VERSION = 1


class LayoutError(ReconcilerError):
    """A text cannot be put into the canonical layout without loss."""


def format_manifest(file: str, text: str) -> str:
    """The text in the canonical layout: kinds in the API's order, SIDs sorted, two spaces a level.

    The text must not have problems. CRLF line ends are kept. Raises LayoutError, with the file and
    the reason, if a JSON file holds a value that would be lost.
    """
    lf = text.replace("\r\n", "\n")
    laid_out = _json(file, lf) if file.lower().endswith(".json") else _yaml(file, lf)
    return laid_out.replace("\n", "\r\n") if "\r\n" in text else laid_out


def _json(file: str, text: str) -> str:
    kinds = msgspec.json.decode(text, type=dict[str, dict[str, Raw]])
    ordered = {kind: dict(sorted(kinds[kind].items(), key=_sid)) for kind in KINDS if kind in kinds}
    laid_out = msgspec.json.format(msgspec.json.encode(ordered), indent=INDENT).decode() + "\n"
    before = _written(file, text)
    if before is None or _written(file, laid_out) != before:
        raise LayoutError(f"{file}: cannot be formatted: a value to send would not stay the same")
    return laid_out


def _sid(item: tuple[str, Raw]) -> str:
    return item[0].lower()


def _yaml(file: str, text: str) -> str:
    # A line end behind a last line without one becomes a part of the value if that line is in a
    # block scalar; so the records are those of the text itself.
    ended = text if text.endswith("\n") else f"{text}\n"
    before = None
    for number, candidate in enumerate(_layouts(ended)):
        if candidate == text:
            break
        if before is None:
            before = _written(file, text), comment_owners(ended)
        try:
            same = (_written(file, candidate), comment_owners(candidate)) == before
        except (UnreadableYamlError, YAMLError):
            continue
        if same:
            # With other indentation the order may be possible that was not before: a second `fmt`
            # must find nothing to do. The candidate differs from the text, so that this ends.
            return candidate if number == 0 else _yaml(file, candidate)
    return text


def _layouts(text: str) -> Iterator[str]:
    """The text in canonical layout, and in the same order as before.

    An alias must stay behind its anchor, and a block scalar that keeps its trailing blank lines
    (`|+`) at the end: then only the indentation is changed.
    """
    try:
        lines = indented(text)
        yield _joined(in_order(lines))
        yield _joined(lines)
    except UnusualLayoutError:
        return


def _joined(lines: list[Line]) -> str:
    return "".join([f"{line.text}\n" for line in lines])


def _written(file: str, text: str) -> dict[Address, tuple[str | None, bool]] | None:
    """The value to send of each record; None if the text has an error."""
    if bad_character(file, text) is not None:
        return None
    records, problems = collect_records(parse_records(file, text))
    if is_error(problems):
        return None
    return {address: (record.wanted, record.structured) for address, record in records.items()}
