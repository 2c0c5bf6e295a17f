"""The folder of journals -> a lock for one run, the run's own journal, and the unfinished ones."""

import asyncio
import os
import platform
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from msgspec import Struct

from reconciler import __version__
from reconciler.applying import journal_format
from reconciler.applying.journal_format import JournalContent, JournalError, RunEnded, RunStarted
from reconciler.applying.journal_writer import Disk, JournalWriter
from reconciler.files import read_regular, sync_folder
from reconciler.model import Plan

# A journal of a million changes with their values has about half of this size.
MAX_JOURNAL_BYTES = 1024 * 1024 * 1024
_PRIVATE = 0o600
# O_NOFOLLOW: a symbolic link with the name of a journal must not lead values to another file.
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Run(Struct, frozen=True):
    """The identity of a run."""

    name: str
    """A name that no other run has; the API gets it as well."""
    started: datetime
    """When the run began, in UTC."""

    @property
    def stem(self) -> str:
        """The file name of its journal without the suffix; sorted by name is sorted by time."""
        return f"{self.started:%Y%m%dT%H%M%S%fZ}-{self.name}"


class UnfinishedRun(Struct, frozen=True):
    """The journal of a run that ended without a RunEnded line: it was killed, or it crashed."""

    path: Path
    """The journal's file."""
    history: JournalContent
    """The complete lines of the journal."""

    @property
    def started(self) -> str:
        """When that run began (RFC 3339, UTC)."""
        return self.history.begun.started


def unfinished(folder: Path) -> Iterator[UnfinishedRun]:
    """The journals of runs that ended without a RunEnded line, oldest first.

    Raises JournalError for a journal that cannot be read or is damaged before its last line: the
    writes in flight are then unknown.
    """
    for path in sorted(folder.glob("*.jsonl")):
        try:
            if journal_format.is_closed(_tail(path)):
                continue
            data = read_regular(path, MAX_JOURNAL_BYTES, follow_links=False)
        except OSError as error:
            why = error.strerror or error
            raise JournalError(
                f"{path}: cannot be read: {why}; look at it, then move it away"
            ) from None
        if b"\n" in data:  # otherwise the run was killed at its first line and sent nothing
            try:
                yield UnfinishedRun(path, journal_format.read(data, str(path)))
            except JournalError as error:
                raise JournalError(f"{error}; look at it, then move it away") from None


# More than a RunEnded line needs.
_TAIL_BYTES = 4096


def _tail(path: Path) -> bytes:
    """The last bytes of a journal, which are enough to see that it is closed."""
    # open(2) of a FIFO would wait for a writer.
    if path.is_symlink() or not path.is_file():
        raise OSError("it is not a regular file")
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return stream.read()


def find(run: str, folder: Path) -> list[Path]:
    """The journals of a run that is named by its journal, a folder, or the digest of its plan.

    A folder stands for its newest journal. Of a digest the first seven digits are enough; all runs
    of that plan in `folder` are meant. Raises JournalError, with the right name if there is one.
    """
    if run.startswith("sha256:"):
        if len(run) < _MIN_DIGEST_CHARS:
            raise JournalError(f"{run}: is too short: give at least seven digits of the digest")
        found = [
            path for path in sorted(folder.glob("*.jsonl")) if _digest_of(path).startswith(run)
        ]
        if not found:
            raise JournalError(f"{run}: no run in {folder} applied a plan of this digest")
        return found
    path = Path(run)
    if path.is_dir():
        newest = max(path.glob("*.jsonl"), default=None)
        if newest is None:
            below = sorted({each.parent for each in path.glob("*/*.jsonl")})
            cure = f"; name one of {', '.join(map(str, below))}" if below else ""
            raise JournalError(f"{path}: holds no journal{cure}")
        return [newest]
    journal = path.with_suffix(".jsonl")
    if path.suffix == ".json" and journal.exists():
        raise JournalError(f"{path}: is the audit record of a run; its journal is {journal}")
    if not path.exists():
        # The name of a run without its folder, with or without the suffix.
        named = folder / journal.name
        return [named if named.exists() else path]
    return [path]


_MIN_DIGEST_CHARS = len("sha256:") + 7


def _digest_of(path: Path) -> str:
    """The digest of the plan that a run applied; empty if its journal cannot be read."""
    try:
        return read(path).begun.digest
    except JournalError:
        return ""


def read(path: Path) -> JournalContent:
    """The content of a journal. Raises JournalError if it cannot be read or is damaged."""
    try:
        data = read_regular(path, MAX_JOURNAL_BYTES)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror or error}") from None
    return journal_format.read(data, str(path))


@asynccontextmanager
async def open_journal(
    folder: Path, run: Run, plan: Plan, method: str, parallelism: int
) -> AsyncGenerator[JournalWriter]:
    """The journal of this run: its first line is durable, its last one is written at the end.

    An exception inside the context leaves the journal open, so that the next run recovers it.
    Raises JournalError if the journal cannot be written.
    """
    begun = RunStarted(
        run.name,
        journal_format.FORMAT,
        __version__,
        plan.digest,
        plan.base_url,
        method,
        platform.node(),
        os.getpid(),
        run.started.isoformat(timespec="microseconds"),
        parallelism,
    )
    async with _file(folder / f"{run.stem}.jsonl", _NEW) as disk:
        kept = JournalWriter(disk)
        await kept.begin(begun)
        yield kept
        await kept.end(RunEnded(_now(), run.name))


async def close(left: UnfinishedRun, by: Run) -> None:
    """Closes the journal of an unfinished run after `by` has read the records in flight.

    Raises JournalError if the journal cannot be written.
    """
    try:
        os.truncate(left.path, left.history.size)  # drops an incomplete last line
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
        sync_folder(path.parent)
        yield disk
    finally:
        # A sync after the close could reach another file that got the same descriptor (close(2)).
        disk.end()
        os.close(handle)


class _File:
    """A file, and a thread for its fsyncs, so that the event loop does not wait for the disk."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[asyncio.Future[None] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Appends bytes."""
        view = memoryview(data)
        while view:
            # write(2) may write only a part, for example on a disk that is almost full.
            view = view[os.write(self._handle, view) :]

    async def sync(self) -> None:
        """Returns when everything written so far is durable; raises OSError if it is not."""
        done = self._loop.create_future()
        self._asked.put(done)
        await done

    def end(self) -> None:
        """Waits until the thread has done all fsyncs."""
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
    # asyncio raises InvalidStateError for a result of a cancelled future.
    if done.done():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)


# fdatasync(2) also makes the file's new length durable, and skips its times. macOS has none.
_sync = getattr(os, "fdatasync", os.fsync)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
