"""Files that a run writes whole or not at all, and the saved plan that it reads."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reconciler import document
from reconciler.errors import PlanFileError, ReconcilerError
from reconciler.model import Plan
from reconciler.reading import read_regular

# A file that holds records' values.
PRIVATE = 0o600

# A plan of a million changes is about 0.6 GB; what is larger was not written by us.
MAX_PLAN_BYTES = 1024 * 1024 * 1024


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


def read_plan(path: Path) -> Plan:
    """A saved plan; PlanFileError where it is not exactly what `plan --out` wrote."""
    try:
        data = read_regular(path, MAX_PLAN_BYTES)
    except OSError as error:
        raise PlanFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    return document.read(data, str(path))
