"""Names of files and folders -> manifest files -> their texts.

A text that is returned holds nothing that a reviewer cannot see.
"""

import errno
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from reconciler.files import read_regular
from reconciler.manifests.comments import position
from reconciler.manifests.yaml_events import source
from reconciler.model import Problem, Source

SUFFIXES = (".yaml", ".yml", ".json")

# A million records are about 110 MB. A larger file is no file that a person reviewed.
MAX_FILE_BYTES = 256 * 1024 * 1024

# Characters that no text file needs, that the YAML parsers disagree about, or that show a reviewer
# another order than the one that is read (CVE-2021-42574). Inside double quotes each of them can be
# written as an escape, which everybody can see.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)


class Tree(Struct, frozen=True):
    """The project's root folder, to which the names of its files are relative.

    A name is a normalised POSIX path such as `manifests/a.yaml`; a file outside the root is named
    by its absolute path. Nothing here depends on the working folder of the process.
    """

    root: Path
    """An absolute path without symbolic links."""
    left_out: Mapping[str, bytes] = MappingProxyType({})
    """The content of files that git holds and that the checkout leaves out, by name."""

    def path(self, name: str) -> Path:
        """Where the file or folder of a name is."""
        return self.root / name

    def name(self, path: str | Path) -> str:
        """The name of a path; a relative path starts at the root."""
        relative = os.path.relpath(self.root / path, self.root)
        outside = relative == ".." or relative.startswith("../")
        return posixpath.normpath(self.root / path) if outside else relative

    def find(self, names: Sequence[str]) -> Iterator[str | Problem]:
        """The manifest files in the named files and folders, each once.

        They come in the order of the names; inside a folder sorted, its own files before those of
        its subfolders. Hidden files and folders are skipped. A symbolic link is a problem and is
        never followed: in a pull request it could lead to any file of the machine.
        """
        seen: set[str] = set()
        for name in names:
            for found in self._find(name):
                if len(names) == 1 or isinstance(found, Problem):
                    yield found
                elif found not in seen:
                    seen.add(found)
                    yield found

    def text(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> str | Problem:
        """The text of a regular UTF-8 file without characters that a reviewer cannot see."""
        try:
            data = self.data(name, max_bytes)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return _about(name, "symlink", _SYMLINK)
            return _unreadable(name, error)
        return text_of(name, data)

    def data(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """The content of a regular file. Raises OSError if it cannot be read."""
        if name in self.left_out:
            return self.left_out[name]
        return read_regular(self.path(name), max_bytes, follow_links=False)

    def link_above(self, name: str) -> str | None:
        """The folder in the project on the way to a file that is a symbolic link; None without one.

        A file outside of the project was named on the command line, and may be behind links.
        """
        if name.startswith("/"):
            return None
        parts = name.split("/")
        folders = ("/".join(parts[: depth + 1]) for depth in range(len(parts) - 1))
        return next((folder for folder in folders if self.path(folder).is_symlink()), None)

    def _find(self, name: str) -> Iterator[str | Problem]:
        link = self.link_above(name)
        if link is not None:
            yield _about(name, "symlink", f"is behind a symbolic link ({link}): {_NEVER_FOLLOWED}")
            return
        beside = [
            file for file in self.left_out if is_in(file, name) and file.lower().endswith(SUFFIXES)
        ]
        try:
            mode = self.path(name).lstat().st_mode
        except FileNotFoundError:
            if not beside:
                yield _about(name, "not-found", "no such file or folder")
            yield from sorted(beside)
            return
        except (OSError, ValueError) as error:
            yield _unreadable(name, error)
            return
        if stat.S_ISLNK(mode):
            yield _about(name, "symlink", _SYMLINK)
        elif stat.S_ISDIR(mode):
            yield from self._walk(name)
            yield from sorted(beside)
        elif not name.lower().endswith(SUFFIXES):
            yield _about(name, "not-a-manifest", f"a manifest ends in {', '.join(SUFFIXES)}")
        else:
            yield _named(name)

    def _walk(self, top: str) -> Iterator[str | Problem]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                found = sorted(os.scandir(self.path(folder)), key=lambda item: item.name)
            except OSError as error:
                yield _unreadable(folder, error)
                continue
            folders = []
            if _REPOSITORY.issubset(item.name for item in found):
                yield _about(folder, "nested-repository", _NESTED)
                continue
            for item in found:
                if item.name.startswith("."):
                    continue  # .git, and the temporary files of editors
                name = item.name if folder == "." else f"{folder}/{item.name}"
                if item.is_symlink():
                    # Other links would not be read in any case.
                    if name.lower().endswith(SUFFIXES) or Path(item.path).is_dir():
                        yield _about(name, "symlink", _SYMLINK)
                elif item.is_dir():
                    folders.append(name)
                elif name.lower().endswith(SUFFIXES):
                    yield _named(name)
            waiting += reversed(folders)


_NEVER_FOLLOWED = "links are never followed"
_SYMLINK = f"is a symbolic link: {_NEVER_FOLLOWED}"

# git takes a folder with these for a repository, and a commit can hold them.
_REPOSITORY = frozenset(("HEAD", "objects", "refs"))
_NESTED = "holds the files of a git repository (HEAD, objects, refs): remove them"

# The first line of a file that Git LFS keeps elsewhere (git-lfs, docs/spec.md).
_LFS = b"version https://git-lfs.github.com/spec/"


def is_in(file: str, folder: str) -> bool:
    """Whether a file is the named one, or is in the folder of this name."""
    return folder in (".", file) or file.startswith(f"{folder}/")


def _named(name: str) -> str | Problem:
    return name if is_utf8(name) else _about(name, "encoding", "its name is not UTF-8")


def is_utf8(name: str) -> bool:
    """Whether a file name can be written as UTF-8, in a report for example."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(name: str, data: bytes) -> str | Problem:
    """The text of a file's bytes, without a byte order mark."""
    if data.startswith(_LFS):
        message = "is a pointer of Git LFS, without the content: fetch it (`git lfs pull`)"
        return _about(name, "unreadable-file", message)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(Source(name, 1, 1), "encoding", "is UTF-16: save it as UTF-8")
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        where = source(name, position(before))
        byte = f"0x{data[error.start]:02x}"
        return Problem(where, "encoding", f"is not UTF-8 (byte {byte}): save it as UTF-8")
    return bad_character(name, text) or text


def bad_character(name: str, text: str) -> Problem | None:
    """A problem for the first character that a manifest must not hold unescaped."""
    bad = _FORBIDDEN.search(text)
    if bad is None:
        return None
    character = f"U+{ord(bad[0]):04X}"
    cure = "in double quotes write it as an escape, or remove it"
    where = source(name, position(text[: bad.start()]))
    message = f"holds the character {character}, which cannot be seen: {cure}"
    return Problem(where, "character", message)


def _unreadable(name: str, error: Exception) -> Problem:
    why = getattr(error, "strerror", None) or str(error)
    return _about(name, "unreadable-file", f"cannot be read: {why}")


def _about(name: str, rule: str, message: str) -> Problem:
    shown = os.fsencode(name).decode(errors="backslashreplace")
    return Problem(Source(shown, 1, 1), rule, message)
