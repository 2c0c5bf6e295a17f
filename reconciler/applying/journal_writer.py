"""What an apply is about to do and did -> a journal's lines, on disk before it is done."""

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

# So many changes are noted ahead, in one trip to the disk: it must not hold up each write.
AHEAD = 64


class Disk(Protocol):
    """Where lines go: `write` lets them survive this process, `sync` a power cut as well.

    Both raise OSError.
    """

    def write(self, data: bytes) -> None:
        """Puts bytes behind those that are there."""
        ...

    async def sync(self) -> None:
        """Returns once what was written is durable."""
        ...


class Journal(Protocol):
    """Where an apply notes what it does."""

    def expect(self, changes: Iterable[Change]) -> None:
        """Is told which changes are to come, in order."""
        ...

    async def intent(self, change: Change, attempt: int) -> None:
        """Returns once the intent to write is durable; JournalError where it will never be."""
        ...

    def outcome(self, outcome: Outcome) -> None:
        """Notes how a change ended; it need not be durable at once."""
        ...


class JournalWriter:
    """Lines for one run. Each is written at once; those that have to be durable share a sync."""

    def __init__(self, disk: Disk, seq: int = 0) -> None:
        self._disk = disk
        self._seq = seq
        self._waiting: list[asyncio.Future[None]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._failed: str | None = None
        self._coming: Iterator[Change] = iter(())
        self._ahead: dict[Address, asyncio.Task[None]] = {}
        self._over: set[Address] = set()  # ended before their intents were noted

    def expect(self, changes: Iterable[Change]) -> None:
        """Is told which changes are to come, in order: their intents are noted ahead."""
        self._coming = iter(changes)

    async def begin(self, begun: RunStarted) -> None:
        """The first line."""
        self._note(begun)
        await self._durable()

    async def intent(self, change: Change, attempt: int) -> None:
        """Returns once the intent to write is durable; JournalError where it will never be."""
        if attempt == 1:
            if change.address not in self._ahead:
                self._look_ahead()
            noted = self._ahead.pop(change.address, None)
            if len(self._ahead) < AHEAD // 2:
                self._look_ahead()
            if noted is not None:
                await asyncio.shield(noted)
                return
        self._note(_intent(change, attempt))
        await self._durable()

    def _look_ahead(self) -> None:
        """Notes the next intents, on their way to disk together."""
        coming = (change for change in self._coming if change.address not in self._over)
        changes = list(islice(coming, AHEAD))
        if not changes:
            return
        self._note(*(_intent(change, 1) for change in changes))
        noted = asyncio.create_task(self._durable())
        noted.add_done_callback(_heard)  # those who need it hear of a failure as well
        self._ahead |= {change.address: noted for change in changes}

    def outcome(self, outcome: Outcome) -> None:
        """Notes how a change ended; it is durable with what comes next."""
        if self._ahead.pop(outcome.change.address, None) is None:
            self._over.add(outcome.change.address)
        self._note(ChangeEnded(str(outcome.change.address), outcome.name, outcome.detail))

    async def end(self, closed: RunEnded) -> None:
        """The last line, and with it all that were still on their way."""
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
        # Never tried again: after a failed fsync nobody knows what is on the disk.
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
        """Group commit: what gathers during one trip to the disk shares the next one."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                await self._disk.sync()
            except OSError as error:
                self._fail(error)
                waiting += self._waiting
                self._waiting = []
            for done in waiting:
                if done.done():
                    continue  # its run has given up waiting
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


def _heard(noted: "asyncio.Task[None]") -> None:
    if not noted.cancelled():
        noted.exception()
