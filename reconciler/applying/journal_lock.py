"""The folder of journals -> a lock that one run at a time holds."""

import errno
import fcntl
import os
import platform
import stat
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.files import PRIVATE, STATE, ignore_in_git, refuse_links


@contextmanager
def lock_folder(folder: Path) -> Generator[None]:
    """Locks the folder for this run, and creates it if needed.

    The lock is `flock(2)`: the kernel releases it however the process ends. Raises ReconcilerError,
    with the process that holds the lock, if another run uses the folder.
    """
    refuse_links(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Journals hold values, which must not be committed. Only a `.reconciler` folder is ours:
        # in another folder the file could hide files of the user from git.
        for parent in folder.parents:
            if parent.name == STATE.name:
                ignore_in_git(parent)
        handle = _open_lock(folder / "lock")
    except OSError as error:
        raise ReconcilerError(
            f"{folder}: the journal cannot be kept there: {error.strerror}; name another folder "
            "with --journal"
        ) from None
    try:
        _take(handle, folder)
        yield
    finally:
        # The file stays: after a removal two runs could lock two files of the same name.
        os.close(handle)


def _open_lock(path: Path) -> int:
    # O_NONBLOCK: opening a pipe of this name must not wait for its other end.
    flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags, PRIVATE)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "lock is not a regular file")
    return handle


def _take(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = (
            os.pread(handle, 500, 0).decode(errors="replace").strip()
            or "a process that has just started"
        )
        raise ReconcilerError(
            f"another apply is running in {folder}: {holder}; wait for it to end"
        ) from None
    except OSError as error:
        raise ReconcilerError(f"{folder}: cannot be locked: {error.strerror}") from None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    name = f"process {os.getpid()} on {platform.node()}, since {now}\n".encode()
    # Truncated last: a second run that reads in between finds this process, not an empty file.
    os.pwrite(handle, name, 0)
    os.ftruncate(handle, len(name))
