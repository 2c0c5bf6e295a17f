"""Manifest files -> entries with file, line and column, as a stream.

An entry is what is written under a SID. Whether it may become a record is for `schema` to say.
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from reconciler.comments import position, stray_tabs
from reconciler.kinds import KINDS
from reconciler.model import Problem, Source
from reconciler.parsing import BrokenTreeError, Mark, Position
from reconciler.reading import read_regular
from reconciler.suggest import did_you_mean
from reconciler.tree import Node, Reader, Report, Scalar, is_mapping

SUFFIXES = (".yaml", ".yml", ".json")

# A million records are about 110 MB; what is larger is no file that a person reviewed.
MAX_FILE_BYTES = 256 * 1024 * 1024

# What a text file has no business to hold, what the YAML parsers disagree about, and what shows a
# reviewer another order than the one that is read (CVE-2021-42574). Inside double quotes each can
# be written as an escape, where everybody sees it.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)

# The two halves of a character beyond U+FFFF; a backslash before them must itself be escaped.
_PAIR = re.compile(
    r"(?P<before>(?<!\\)(?:\\\\)*)\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})",
    re.IGNORECASE,
)


class Entry(Struct, frozen=True):
    """What a manifest holds under one SID: `sid` and `body` as they were written."""

    kind: str
    sid: Scalar
    body: Node
    file: str

    def source(self, mark: Mark) -> Source:
        """Where something of this entry is written."""
        return source(self.file, mark)


def source(file: str, mark: Mark) -> Source:
    """A parser's mark, which counts from 0, as a place that people and editors count from 1."""
    return Source(file, mark.line + 1, mark.column + 1)


def find(paths: Sequence[Path]) -> Iterator[Path | Problem]:
    """The manifest files under the paths, each once, in order of name, a folder's own first.

    Hidden files and folders are left out.

    A symbolic link is a problem, never followed: in a pull request it would be a way to read any
    file of the machine that makes the plan.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in _named(path):
            if len(paths) == 1 or isinstance(found, Problem):
                yield found
            elif found.absolute() not in seen:
                seen.add(found.absolute())
                yield found


def _named(path: Path) -> Iterator[Path | Problem]:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        yield _about(path, "not-found", "no such file or folder")
        return
    except (OSError, ValueError) as error:
        yield _unreadable(path, error)
        return
    if stat.S_ISLNK(mode):
        yield _about(path, "symlink", _SYMLINK)
    elif stat.S_ISDIR(mode):
        yield from _walk(str(path))
    elif path.suffix.lower() not in SUFFIXES:
        yield _about(path, "not-a-manifest", f"a manifest ends in {', '.join(SUFFIXES)}")
    else:
        yield path if _is_utf8(path.name) else _about(path, "encoding", _NAME)


def _walk(top: str) -> Iterator[Path | Problem]:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except OSError as error:
            yield _unreadable(Path(folder), error)
            continue
        folders = []
        for item in found:
            manifest = item.name.lower().endswith(SUFFIXES)
            if item.name.startswith("."):
                continue  # .git, and what editors leave behind
            if item.is_symlink():
                # A link to something that would not be read anyway is nobody's business.
                if manifest or item.is_dir():
                    yield _about(Path(item.path), "symlink", _SYMLINK)
            elif item.is_dir():
                folders.append(item.path)
            elif manifest:
                path = Path(item.path)
                yield path if _is_utf8(item.name) else _about(path, "encoding", _NAME)
        waiting += reversed(folders)


_SYMLINK = "is a symbolic link: links are never followed"
_NAME = "its name is not UTF-8"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_text(path: Path) -> str | Problem:
    """The text of a regular file in UTF-8 without a character that a reviewer cannot see."""
    try:
        data = read_regular(path, MAX_FILE_BYTES, follow_links=False)
    except OSError as error:
        return _unreadable(path, error)
    return _text(path.as_posix(), data)


def parse(file: str, text: str) -> Iterator[Entry | Problem]:
    """The entries of a manifest's text and its problems, as they come.

    `file` is how problems name it, and tells by its end whether the text is JSON. A broken syntax
    ends the file.
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
                report(where, "tab", "a tab stands outside quotes: use spaces")
        for entry in _entries(Reader(text, report), file, report):
            # An entry of which any part was doubtful is none at all.
            if not found:
                yield entry
            yield from found
            empty = False
            found.clear()
    except BrokenTreeError as broken:
        report(broken.mark, broken.rule, broken.message)
    yield from found
    if empty and not found:
        yield Problem(Source(file, 1, 1), "empty", f"holds no records: {_EXPECTED}")


def _entries(reader: Reader, file: str, report: Report) -> Iterator[Entry]:
    while (event := reader.next_document()) is not None:
        if is_mapping(event):
            kinds: set[str] = set()
            for kind, records in reader.members(event):
                if kind.text in kinds:
                    report(kind.mark, "duplicate-key", f"`{kind.text}` is already there above")
                kinds.add(kind.text)
                if kind.text not in KINDS:
                    hint = did_you_mean(kind.text, KINDS) or f": {_EXPECTED}"
                    report(kind.mark, "unknown-kind", f"`{kind.text}` is not a kind{hint}")
                    reader.node(records)
                elif not is_mapping(records):
                    node = reader.node(records)
                    report(node.mark, "shape", f"expected records by SID under `{kind.text}`")
                else:
                    for sid, body in reader.members(records):
                        yield Entry(kind.text, sid, reader.node(body), file)
        else:
            node = reader.node(event)
            if not (isinstance(node, Scalar) and node.plain and not node.text):
                report(node.mark, "shape", f"not a manifest: {_EXPECTED}")


_EXPECTED = "expected " + " or ".join(f"`{kind}:`" for kind in KINDS) + " with records by SID"


def _text(file: str, data: bytes) -> str | Problem:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(Source(file, 1, 1), "encoding", "is UTF-16: save it as UTF-8")
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        where = source(file, position(before))
        byte = f"0x{data[error.start]:02x}"
        return Problem(where, "encoding", f"is not UTF-8 (byte {byte}): save it as UTF-8")
    return bad_character(file, text) or text


def bad_character(file: str, text: str) -> Problem | None:
    """The first character that a manifest's text must not hold as it is."""
    bad = _FORBIDDEN.search(text)
    if bad is None:
        return None
    name = f"U+{ord(bad[0]):04X}"
    cure = "in double quotes write it as an escape, or remove it"
    where = source(file, position(text[: bad.start()]))
    return Problem(where, "character", f"holds the character {name}, which cannot be seen: {cure}")


def _yaml_of(text: str) -> str:
    r"""JSON as both YAML parsers read it: no tabs, `\U0001F600` for `\ud83d\ude00`.

    The latter is two columns shorter, which a problem behind it in the same line shows. Raises
    BrokenTreeError for what is no JSON: YAML would read more of it than any other tool.
    """
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = Position(error.lineno - 1, error.colno - 1)
        raise BrokenTreeError(where, "syntax", f"is no JSON: {error.msg.lower()}") from None
    except (ValueError, RecursionError) as error:
        raise BrokenTreeError(Position(0, 0), "syntax", f"is no JSON: {error}") from None
    text = text.replace("\t", " ")  # in valid JSON a tab is only ever between two tokens
    return _PAIR.sub(_character, text) if "\\ud" in text.lower() else text


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _character(pair: re.Match[str]) -> str:
    high, low = int(pair["high"], 16), int(pair["low"], 16)
    code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    return f"{pair['before']}\\U{code:08X}"


def _unreadable(path: Path, error: Exception) -> Problem:
    why = getattr(error, "strerror", None) or str(error)
    return _about(path, "unreadable-file", f"cannot be read: {why}")


def _about(path: Path, rule: str, message: str) -> Problem:
    name = os.fsencode(path).decode(errors="backslashreplace")
    return Problem(Source(name, 1, 1), rule, message)
