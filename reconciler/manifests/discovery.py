"""Paths -> manifest files -> their texts, which hold nothing that a reviewer cannot see."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.files import read_regular
from reconciler.manifests.comments import position
from reconciler.manifests.yaml_events import source
from reconciler.model import Problem, Source

SUFFIXES = (".yaml", ".yml", ".json")

# A million records are about 110 MB; what is larger is no file that a person reviewed.
MAX_FILE_BYTES = 256 * 1024 * 1024

# What a text file has no business to hold, what the YAML parsers disagree about, and what shows a
# reviewer another order than the one that is read (CVE-2021-42574). Inside double quotes each can
# be written as an escape, where everybody sees it.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)


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
        yield path if is_utf8(path.name) else _about(path, "encoding", _NAME)


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
                if manifest or Path(item.path).is_dir():  # a circle of links is none
                    yield _about(Path(item.path), "symlink", _SYMLINK)
            elif item.is_dir():
                folders.append(item.path)
            elif manifest:
                path = Path(item.path)
                yield path if is_utf8(item.name) else _about(path, "encoding", _NAME)
        waiting += reversed(folders)


_SYMLINK = "is a symbolic link: links are never followed"
_NAME = "its name is not UTF-8"


def is_utf8(name: str) -> bool:
    """Whether a file's name can be told to everybody."""
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
    return text_of(path.as_posix(), data)


def text_of(file: str, data: bytes) -> str | Problem:
    """The text of a file's bytes."""
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


def _unreadable(path: Path, error: Exception) -> Problem:
    why = getattr(error, "strerror", None) or str(error)
    return _about(path, "unreadable-file", f"cannot be read: {why}")


def _about(path: Path, rule: str, message: str) -> Problem:
    name = os.fsencode(path).decode(errors="backslashreplace")
    return Problem(Source(name, 1, 1), rule, message)
