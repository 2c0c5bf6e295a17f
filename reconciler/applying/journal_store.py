"""The folder of journals: one run at a time, a file a run, and what earlier runs left there."""

import asyncio
import fcntl
import os
import platform
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from msgspec import Struct

from reconciler import __version__
from reconciler.applying import journal_format
from reconciler.applying.journal_format import JournalContent, JournalError, RunEnded, RunStarted
from reconciler.applying.journal_writer import Disk, JournalWriter
from reconciler.errors import ReconcilerError
from reconciler.files import read_regular
from reconciler.model import Plan

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


class UnfinishedRun(Struct, frozen=True):
    """The journal of a run that ended without a word."""

    path: Path
    history: JournalContent

    @property
    def started(self) -> str:
        """When that run began."""
        return self.history.begun.started


@contextmanager
def lock_folder(folder: Path) -> Generator[None]:
    """The folder, for this run alone; the kernel lets go of it however the run ends."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if folder.parent.name == ".reconciler" and not ignore.exists():
            ignore.write_text("*\n")
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(folder / "lock", flags, _PRIVATE)
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
    except BlockingIOError:
        holder = os.pread(handle, 500, 0).decode(errors="replace").strip() or "no name yet"
        raise ReconcilerError(
            f"another apply is running in {folder}: {holder}; wait for it to end"
        ) from None
    except OSError as error:
        raise ReconcilerError(f"{folder}: cannot be locked: {error.strerror}") from None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    name = f"process {os.getpid()} on {platform.node()}, since {now}\n".encode()
    os.pwrite(handle, name, 0)
    os.ftruncate(handle, len(name))


def unfinished(folder: Path) -> Iterator[UnfinishedRun]:
    """The journals whose run ended without a word, oldest first.

    Raises JournalError for one that is damaged in its middle, or cannot be read: what was in flight
    is then unknown.
    """
    for path in sorted(folder.glob("*.jsonl")):
        try:
            if journal_format.is_closed(_tail(path)):
                continue
            data = read_regular(path, MAX_JOURNAL_BYTES)
        except OSError as error:
            why = error.strerror or error
            raise JournalError(
                f"{path}: cannot be read: {why}; look at it, then move it away"
            ) from None
        if b"\n" in data:  # else the run was killed at its first line, and had sent nothing
            try:
                yield UnfinishedRun(path, journal_format.read(data, str(path)))
            except JournalError as error:
                raise JournalError(f"{error}; look at it, then move it away") from None


_TAIL_BYTES = 4096


def _tail(path: Path) -> bytes:
    """The end of a journal: that of a run that ended needs no more of it."""
    if not path.is_file():
        raise OSError("it is no regular file")
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return stream.read()


def read(path: Path) -> JournalContent:
    """What a journal says; JournalError where it cannot be read."""
    try:
        data = read_regular(path, MAX_JOURNAL_BYTES)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror or error}") from None
    return journal_format.read(data, str(path))


@asynccontextmanager
async def open_journal(
    folder: Path, run: Run, plan: Plan, method: str, parallelism: int
) -> AsyncGenerator[JournalWriter]:
    """The journal of this run, its first line on disk; its last one is written at the end."""
    begun = RunStarted(
        run.name,
        journal_format.FORMAT,
        __version__,
        plan.digest,
        plan.base_url,
        method,
        platform.node(),
        os.getpid(),
        run.started.isoformat(timespec="seconds"),
        parallelism,
    )
    async with _file(folder / f"{run.stem}.jsonl", _NEW) as disk:
        kept = JournalWriter(disk)
        await kept.begin(begun)
        yield kept
        await kept.end(RunEnded(_now(), run.name))


async def close(left: UnfinishedRun, by: Run) -> None:
    """Notes that a later run has looked after what was in flight."""
    try:
        os.truncate(left.path, left.history.size)  # a line that was being written is no line
    except OSError as error:
        raise JournalError(f"{left.path}: cannot be closed: {error.strerror}") from None
    async with _file(left.path, _OLD) as disk:
        await JournalWriter(disk, left.history.seq).end(RunEnded(_now(), by.name))


@asynccontextmanager
async def _file(path: Path, flags: int) -> AsyncGenerator[Disk]:
    try:
        handle = os.open(path, flags, _PRIVATE)
    except OSError as error:
        raise JournalError(f"{path}: cannot be written: {error.strerror}") from None
    disk = _File(handle)
    try:
        _sync_folder(path.parent)
        yield disk
    finally:
        disk.end()
        os.close(handle)


class _File:
    """A file, and a thread that waits for the disk: the network must not."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[asyncio.Future[None] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Puts bytes behind those that are there."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]

    async def sync(self) -> None:
        """Returns once what was written is durable."""
        done = self._loop.create_future()
        self._asked.put(done)
        await done

    def end(self) -> None:
        """Waits for the disk."""
        self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (done := self._asked.get()) is not None:
            failure: OSError | None = None
            try:
                _sync(self._handle)
            except OSError as error:
                failure = error
            self._loop.call_soon_threadsafe(_settle, done, failure)


def _settle(done: "asyncio.Future[None]", failure: OSError | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)


# A file's length is part of what fdatasync makes durable; macOS has none.
_sync = getattr(os, "fdatasync", os.fsync)


def _sync_folder(folder: Path) -> None:
    """A new file's name has to survive a power cut as well."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
