"""The folder of journals: one run at a time, a file a run, and what earlier runs left there."""

import asyncio
import fcntl
import os
import platform
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from reconciler import __version__, journal
from reconciler.errors import ReconcilerError
from reconciler.journal import Begun, Closed, History, Journal, JournalError
from reconciler.model import Address, Plan
from reconciler.reading import read_regular

FOLDER = Path(".reconciler/journal")

# A million changes with their values are about half of it.
MAX_JOURNAL_BYTES = 1024 * 1024 * 1024
_PRIVATE = 0o600
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Run(Struct, frozen=True):
    """What a run is called, and when it began."""

    name: str
    started: datetime

    @property
    def stem(self) -> str:
        """The name of its files, in order of time."""
        return f"{self.started:%Y%m%dT%H%M%SZ}-{self.name}"


class Unfinished(Struct, frozen=True):
    """The journal of a run that ended without a word."""

    path: Path
    history: History

    @property
    def started(self) -> str:
        """When that run began."""
        return self.history.begun.started


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """The folder, for this run alone; the kernel lets go of it however the run ends."""
    path = folder / "lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.parent.name == ".reconciler" or folder.parts[:1] == (".reconciler",):
            ignore = Path(".reconciler/.gitignore")
            if not ignore.exists():
                ignore.write_text("*\n")
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE)
    except OSError as error:
        raise ReconcilerError(
            f"{folder}: the journal cannot be kept there: {error.strerror}; name another folder "
            "with --journal"
        ) from None
    try:
        _take(handle, folder)
        yield
    finally:
        os.close(handle)


def _take(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with suppress(OSError):
            holder = os.read(handle, 500).decode(errors="replace").strip()
        raise ReconcilerError(
            f"another apply is running in {folder}: {holder}; wait for it to end"
        ) from None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"process {os.getpid()} on {platform.node()}, since {now}\n".encode(), 0)


def unfinished(folder: Path) -> Iterator[Unfinished]:
    """The journals whose run ended without a word, oldest first.

    Raises JournalError for one that is damaged in its middle: what was in flight is then unknown.
    """
    for path in sorted(folder.glob("*.jsonl")):
        try:
            history = read(path)
        except JournalError as error:
            if path.stat().st_size and not _is_torn_at_once(path):
                raise JournalError(f"{error}: look at it, then move it away") from None
            continue
        if not history.closed:
            yield Unfinished(path, history)


def _is_torn_at_once(path: Path) -> bool:
    """Whether a run was killed while it wrote its very first line: it had sent nothing."""
    return path.read_bytes().count(b"\n") == 0


def read(path: Path) -> History:
    """What a journal says; JournalError where it cannot be read."""
    try:
        data = read_regular(path, MAX_JOURNAL_BYTES)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror or error}") from None
    return journal.read(data, str(path))


@asynccontextmanager
async def opened(folder: Path, run: Run, plan: Plan, method: str) -> AsyncGenerator[Journal]:
    """The journal of this run, its first line on disk; its last one is written at the end."""
    begun = Begun(
        run.name,
        journal.FORMAT,
        __version__,
        plan.digest,
        plan.base_url,
        method,
        platform.node(),
        os.getpid(),
        run.started.isoformat(timespec="seconds"),
    )
    async with _file(folder / f"{run.stem}.jsonl", _NEW) as append:
        kept = Journal(append)
        await kept.begin(begun)
        yield kept
        await kept.end(Closed(_now(), run.name))


async def close(left: Unfinished, by: Run) -> None:
    """Notes that a later run has looked after what was in flight."""
    os.truncate(left.path, left.history.size)  # a line that was being written is no line
    async with _file(left.path, _OLD) as append:
        await Journal(append, left.history.seq).end(Closed(_now(), by.name))


@asynccontextmanager
async def _file(path: Path, flags: int) -> AsyncGenerator[journal.Append]:
    """Appends to a file in a thread: the disk must not hold up the network."""
    try:
        handle = os.open(path, flags, _PRIVATE)
        _sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"{path}: cannot be written: {error.strerror}") from None
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:

        async def append(data: bytes) -> None:
            await loop.run_in_executor(thread, _append, handle, data)

        try:
            yield append
        finally:
            os.close(handle)


def _append(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    """A new file's name has to survive a power cut as well."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def in_flight(left: list[Unfinished], plan: Plan) -> dict[Address, Unfinished]:
    """The records of this API that an earlier run may have been writing when it ended."""
    return {
        address: each
        for each in left
        if each.history.begun.base_url == plan.base_url
        for address in each.history.in_flight
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
