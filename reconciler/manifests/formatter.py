"""A manifest's text -> the same records in the canonical layout, with their comments.

ruamel.yaml, which no other module imports, rewrites the document with its comments. Then whole
lines are moved, so that each comment stays with its record. The result is parsed again: if a value
to send or a comment is not the same, LayoutError is raised and the file stays unchanged.
"""

import re
import warnings
from io import StringIO
from typing import Any

import msgspec
from msgspec import Raw

from reconciler.errors import ReconcilerError
from reconciler.kinds import KINDS
from reconciler.manifests.discovery import bad_character
from reconciler.manifests.formatter_lines import (
    INDENT,
    comment_owners,
    ends_a_block,
    sort_entries,
    tidy,
)
from reconciler.manifests.loader import parse_records
from reconciler.manifests.validation import collect_records, is_error
from reconciler.model import Address

# Every scalar stays on its line, however long: a line break inside would have to be reviewed.
_ENDLESS = 10**9

# Part of the placeholders for quoted texts; ruamel writes it without quotes. `_rewritten` repeats
# it if the manifest contains it.
_MARK = "quoted"

_NOT_THE_SAME = "{}: cannot be formatted: a value to send would not stay the same"

_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t"}
_LAST_OF_FOUR_DIGITS = 0xFFFF


class LayoutError(ReconcilerError):
    """A text cannot be put into the canonical layout without loss."""


def format_manifest(file: str, text: str) -> str:
    """The text in the canonical layout: kinds in the API's order, SIDs sorted, two spaces a level.

    The text must not have problems. CRLF line ends are kept. Raises LayoutError, with the file and
    the reason, if a value or a comment would be lost.
    """
    lf = text.replace("\r\n", "\n")
    try:
        laid_out = _json(file, lf) if file.lower().endswith(".json") else _yaml(file, lf)
    except LayoutError:
        raise
    except Exception as error:  # from ruamel, or from `tidy` if a comment is lost
        raise LayoutError(f"{file}: cannot be formatted ({type(error).__name__})") from error
    return laid_out.replace("\n", "\r\n") if "\r\n" in text else laid_out


def _json(file: str, text: str) -> str:
    kinds = msgspec.json.decode(text, type=dict[str, dict[str, Raw]])
    ordered = {kind: dict(sorted(kinds[kind].items(), key=_sid)) for kind in KINDS if kind in kinds}
    laid_out = msgspec.json.format(msgspec.json.encode(ordered), indent=INDENT).decode() + "\n"
    before = _written(file, text)
    if before is None or _written(file, laid_out) != before:
        raise LayoutError(_NOT_THE_SAME.format(file))
    return laid_out


def _sid(item: tuple[str, Raw]) -> str:
    return item[0].lower()


def _yaml(file: str, text: str) -> str:
    written = tidy(_rewritten(text), ends_a_block(text))
    ordered = sort_entries(written)
    before = _written(file, text)
    # The unsorted text is tried as well. An alias must stay behind its anchor, and a block scalar
    # that keeps its trailing blank lines (`|+`) must stay at the end.
    for candidate in (tidy(ordered, ends_a_block(ordered)), written):
        if before is not None and _written(file, candidate) == before:
            if comment_owners(text) == comment_owners(candidate):
                return candidate
            raise LayoutError(
                f"{file}: cannot be formatted: a comment would leave its record: move it"
            )
    raise LayoutError(_NOT_THE_SAME.format(file))


def _written(file: str, text: str) -> dict[Address, tuple[str | None, bool]] | None:
    """The value to send of each record; None if the text has an error."""
    if bad_character(file, text) is not None:
        return None
    records, problems = collect_records(parse_records(file, text))
    if is_error(problems):
        return None
    return {address: (record.wanted, record.structured) for address, record in records.items()}


def _rewritten(text: str) -> str:
    """The text as ruamel writes it, with kinds and records in block style."""
    prefix = _MARK
    while prefix in text:
        prefix += _MARK
    quoted: dict[str, str] = {}
    yaml = _ruamel(prefix, quoted)
    with warnings.catch_warnings(action="ignore"):  # ruamel warns if an anchor's name is used again
        documents: list[Any] = [item for item in yaml.load_all(text) if isinstance(item, dict)]
    for document in documents:
        document.fa.set_block_style()
        for kind, records in document.items():
            _in_block_style(document, kind)
            for sid in records:
                _in_block_style(records, sid)
    stream = StringIO()
    yaml.dump_all(documents, stream)
    marks = re.compile(f"{prefix}[0-9]+{_MARK}")
    return marks.sub(lambda mark: quoted[mark[0]], stream.getvalue())


def _in_block_style(parent: Any, key: str) -> None:
    """Puts a mapping in braces on separate lines; comments below it stay below it."""
    node = parent[key]
    if not node or not node.fa.flow_style():  # an empty mapping can only be written as {}
        return
    from ruamel.yaml.tokens import CommentToken

    node.fa.set_block_style()
    # ruamel keeps the comments behind a value in slot 2 of its parent, as one text: the comment
    # beside the value, then those on the lines below.
    token = (parent.ca.items.get(key) or [None] * 3)[2]
    if token is None:
        return
    beside, _, below = token.value.partition("\n")
    if below.strip():
        if beside:
            token.value = f"{beside}\n"
        else:
            del parent.ca.items[key]
        moved = CommentToken(f"\n{below}", token.start_mark)
        node.ca.items[list(node)[-1]] = [None, None, moved, None]


def _ruamel(prefix: str, quoted: dict[str, str]) -> Any:
    """A round-trip YAML object that writes each scalar with the characters of the original.

    A text in double quotes is written as a placeholder that begins with `prefix`, and its original
    is stored in `quoted`: ruamel would replace an escape by the invisible character itself.
    """
    from ruamel.yaml import YAML  # heavy, and only for `fmt`
    from ruamel.yaml.constructor import RoundTripConstructor
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.resolver import VersionedResolver

    class Untyped(VersionedResolver):
        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if kind is ScalarNode:
                return self.DEFAULT_SCALAR_TAG
            return super().resolve(kind, value, implicit)

    class Explicit(RoundTripConstructor):
        def construct_scalar(self, node: Any) -> Any:
            if node.style == '"':
                mark = f"{prefix}{len(quoted)}{_MARK}"
                quoted[mark] = _quoted(node.value)
                node.value, node.style = mark, None
            elif not node.style and node.value == "":
                node.value = "null"  # as text it would be written with quotes
            return super().construct_scalar(node)

    yaml = YAML(typ="rt")
    yaml.Resolver = Untyped
    yaml.Constructor = Explicit
    yaml.preserve_quotes = True
    yaml.width = _ENDLESS
    yaml.indent(mapping=INDENT, sequence=2 * INDENT, offset=INDENT)
    return yaml


def _quoted(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"
