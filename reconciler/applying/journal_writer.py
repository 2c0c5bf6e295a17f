"""Intents and outcomes of an apply -> the lines of its journal, durable before each write."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

from msgspec import structs

from reconciler.applying.journal_format import (
    ChangeEnded,
    Intent,
    JournalError,
    Row,
    RunEnded,
    RunStarted,
    line_of,
)
from reconciler.model import Address, Change, Outcome

# Intents are journalled in batches of this size, so that fsync does not delay each write.
AHEAD = 64


class Disk(Protocol):
    """The file of a journal.

    Written bytes survive the end of this process; synced bytes also survive a power cut. Both
    methods raise OSError.
    """

    def write(self, data: bytes) -> None:
        """Appends bytes."""
        ...

    async def sync(self) -> None:
        """Returns when everything written so far is durable."""
        ...


class Journal(Protocol):
    """Stores the intents and outcomes of an apply."""

    def expect(self, changes: Iterable[Change]) -> None:
        """Announces the changes of the run, in the order in which they begin."""
        ...

    async def intent(self, change: Change, attempt: int) -> None:
        """Returns when the intent is durable; raises JournalError if it cannot be."""
        ...

    def outcome(self, outcome: Outcome) -> None:
        """Stores the outcome of a change, which need not be durable at once."""
        ...


class JournalWriter:
    """Writes the journal of one run; each line is written at once, and callers share syncs."""

    def __init__(self, disk: Disk, seq: int = 0) -> None:
        self._disk = disk
        self._seq = seq
        self._waiting: list[asyncio.Future[None]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._failed: str | None = None
        self._coming: Iterator[Change] = iter(())
        self._ahead: dict[Address, asyncio.Task[None]] = {}
        self._over: set[Address] = set()  # ended before their intents were written

    def expect(self, changes: Iterable[Change]) -> None:
        """Announces the changes of the run in order: their intents are written in batches."""
        self._coming = iter(changes)

    async def begin(self, begun: RunStarted) -> None:
        """Writes the first line; returns when it is durable. Raises JournalError if it fails."""
        self._note(begun)
        await self._durable()

    async def intent(self, change: Change, attempt: int) -> None:
        """Returns when the intent is durable; raises JournalError if it cannot be."""
        if attempt == 1:
            if change.address not in self._ahead:
                self._write_next_batch()
            noted = self._ahead.pop(change.address, None)
            # Refilled at one half: the next sync runs while the changes of this batch are written.
            if len(self._ahead) < AHEAD // 2:
                self._write_next_batch()
            if noted is not None:
                # The whole batch shares this task: one cancelled change must not cancel it.
                await asyncio.shield(noted)
                return
        self._note(_intent(change, attempt))
        await self._durable()

    def _write_next_batch(self) -> None:
        """Writes the next batch of intents and starts its sync."""
        coming = (change for change in self._coming if change.address not in self._over)
        changes = list(islice(coming, AHEAD))
        if not changes:
            return
        self._note(*(_intent(change, 1) for change in changes))
        noted = asyncio.create_task(self._durable())
        noted.add_done_callback(_mark_retrieved)  # `intent` raises a failure where it matters
        self._ahead |= {change.address: noted for change in changes}

    def outcome(self, outcome: Outcome) -> None:
        """Writes the outcome of a change; it becomes durable with the next sync."""
        if self._ahead.pop(outcome.change.address, None) is None:
            self._over.add(outcome.change.address)
        self._note(ChangeEnded(str(outcome.change.address), outcome.name, outcome.detail))

    async def end(self, closed: RunEnded) -> None:
        """Writes the last line; returns when all lines are durable. Raises JournalError if not."""
        self._note(closed)
        await self._durable()

    def _note(self, *rows: Row) -> None:
        if self._failed is not None:
            return
        data = b""
        for row in rows:
            self._seq += 1
            data += line_of(structs.replace(row, seq=self._seq))
        try:
            self._disk.write(data)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        # Do not retry: after a failed fsync the durable content of the file is undefined, and Linux
        # reports the error only once ("fsyncgate", PostgreSQL 2018).
        self._failed = f"the journal cannot be written: {error.strerror or error}"

    async def _durable(self) -> None:
        if self._failed is not None:
            raise JournalError(self._failed)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        """Group commit: lines that are written during one sync share the next one."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                await self._disk.sync()
            except OSError as error:
                self._fail(error)
                # Callers that came during the sync fail too: a second fsync could report success.
                waiting += self._waiting
                self._waiting = []
            for done in waiting:
                if done.done():
                    continue  # its waiter was cancelled
                if self._failed is None:
                    done.set_result(None)
                else:
                    done.set_exception(JournalError(self._failed))


def _intent(change: Change, attempt: int) -> Intent:
    return Intent(
        str(change.address),
        change.before,
        change.after,
        attempt,
        change.source,
        change.sensitive,
        change.structured,
    )


def _mark_retrieved(noted: "asyncio.Task[None]") -> None:
    # asyncio logs `Task exception was never retrieved` for an exception that is not read.
    if not noted.cancelled():
        noted.exception()
