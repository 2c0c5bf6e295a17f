"""A path -> the bytes of a regular file, within bounds; text -> a file, whole or not at all."""

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reconciler.errors import ReconcilerError

# What runs keep in a project, beside its manifests; git ignores it.
STATE = Path(".reconciler")
JOURNALS = STATE / "journal"
SANDBOX_DB = STATE / "sandbox.db"

# The mode of a file that holds records' values.
PRIVATE = 0o600


def read_regular(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """The whole of a regular file; OSError for anything else, a pipe or a device among them.

    Without `follow_links` a symbolic link is refused as well, even one that was made a moment ago.
    """
    # O_NONBLOCK: opening a pipe would wait for its other end.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags if follow_links else flags | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no regular file")
        if status.st_size > max_bytes:
            raise OSError(f"it is larger than {max_bytes:,} bytes")
        # A file that grows meanwhile is read as far as it was.
        chunks, left = [], status.st_size
        while left > 0 and (chunk := os.read(handle, left)):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    finally:
        os.close(handle)


def check_writable(path: Path) -> None:
    """Fails before the work is done, not after it, where a file could not be written."""
    if str(path) == "-":
        raise ReconcilerError("-: names no file; what --format names goes to stdout")
    folder = path.parent
    try:
        path.resolve()
        if not folder.is_dir():
            raise ReconcilerError(f"{path}: there is no folder {folder}: make it first")
        if path.exists() and not path.is_file():
            raise ReconcilerError(f"{path}: is no regular file: name another")
    except (OSError, RuntimeError) as error:  # the latter for links that lead in a circle
        why = error.strerror if isinstance(error, OSError) else "leads in a circle"
        raise ReconcilerError(f"{path}: {why}") from None
    if not os.access(folder, os.W_OK):
        raise ReconcilerError(f"{path}: the folder {folder} cannot be written")


def rewrite(path: Path, text: str) -> None:
    """Writes another text into a file of the user's, who keeps its mode."""
    write_whole(path, [text], mode=path.stat().st_mode & 0o777)


def write_whole(path: Path, pieces: Iterable[str], *, mode: int) -> None:
    """Writes a file so that a reader, or the next run after a crash, sees all of it or the old one.

    A link stays one: what it leads to is written.
    """
    check_writable(path)
    temporary: Path | None = None
    try:
        target = path.resolve()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".reconciler-")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(handle)
        temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def append(path: Path, pieces: Iterable[str]) -> None:
    """Adds to a file that is not ours alone: behind its last line, and all of it or nothing."""
    text = "".join(pieces)
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(handle, "r+b", buffering=0) as stream:
            size = os.fstat(handle).st_size
            glued = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            data = (b"\n" if glued else b"") + text.encode()
            try:
                while data:
                    data = data[stream.write(data) :]
            except OSError:
                os.ftruncate(handle, size)
                raise
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be written: {error.strerror}") from None
