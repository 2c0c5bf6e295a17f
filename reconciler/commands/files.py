"""Files that a run writes whole or not at all, and the saved plan that it reads."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reconciler import document
from reconciler.errors import PlanFileError, ReconcilerError
from reconciler.model import Plan

# A plan of a million changes is about 0.6 GB; what is larger was not written by us.
MAX_PLAN_BYTES = 1024 * 1024 * 1024


def check_writable(path: Path) -> None:
    """Fails before the work is done, not after it, where a file could not be written."""
    folder = path.parent
    if not folder.is_dir():
        raise ReconcilerError(f"{path}: there is no folder {folder}: make it first")
    if path.is_dir():
        raise ReconcilerError(f"{path}: is a folder: name a file")
    if not os.access(folder, os.W_OK):
        raise ReconcilerError(f"{path}: the folder {folder} cannot be written")


def write_whole(path: Path, pieces: Iterable[str], *, private: bool) -> None:
    """Writes a file so that a reader, or the next run after a crash, sees all of it or the old one.

    `private` files (0600) hold records' values.
    """
    check_writable(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(handle)
        temporary.chmod(0o600 if private else 0o644)
        temporary.replace(path)
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def read_plan(path: Path) -> Plan:
    """A saved plan; PlanFileError where it is not exactly what `plan --out` wrote."""
    try:
        if path.stat().st_size > MAX_PLAN_BYTES:
            raise PlanFileError(f"{path}: is larger than any plan")
        data = path.read_bytes()
    except OSError as error:
        raise PlanFileError(f"{path}: cannot be read: {error.strerror}") from None
    return document.read(data, str(path))
