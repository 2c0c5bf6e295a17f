"""What an apply does, as lines that are on disk before it does it; and what the lines say later.

A line is JSON with a number and a checksum. A write begins only once its intent is durable, so that
after a crash the lines without an outcome are all that may have been in flight. Nothing is ever
decided by a journal: what a record holds, the API alone says.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol, TypeAlias

import msgspec
from msgspec import Struct, structs

from reconciler.errors import ReconcilerError
from reconciler.kinds import KINDS, is_sid
from reconciler.model import Address, Change, Outcome, OutcomeName, Source

FORMAT = 1

# So many changes are noted ahead, in one trip to the disk: it must not hold up each write.
AHEAD = 64

# Puts bytes behind those that are there; returns once they would survive a power cut.
Append: TypeAlias = Callable[[bytes], Awaitable[None]]


class JournalError(ReconcilerError):
    """A journal that cannot be written, or read."""


class Begun(Struct, frozen=True, tag_field="type", tag="run"):
    """The first line: which run this is, of which plan. `started` is a time (RFC 3339)."""

    run: str
    format: int
    version: str
    digest: str
    base_url: str
    method: str
    host: str
    pid: int
    started: str
    seq: int = 0


class Intent(Struct, frozen=True, tag_field="type", tag="intent"):
    """A write that is about to be sent, for the `attempt`th time, if the record still allows it."""

    address: str
    before: str | None
    after: str | None
    attempt: int
    source: Source
    sensitive: tuple[str, ...] = ()
    structured: bool = False
    seq: int = 0


class Ended(Struct, frozen=True, tag_field="type", tag="outcome"):
    """How a change ended."""

    address: str
    outcome: OutcomeName
    detail: str = ""
    seq: int = 0


class Closed(Struct, frozen=True, tag_field="type", tag="end"):
    """The last line: the run ended by itself, or a later run (`by`) has looked after it."""

    ended: str
    by: str
    seq: int = 0


Row: TypeAlias = Begun | Intent | Ended | Closed


class Ledger(Protocol):
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


class Journal:
    """Lines for one run. Those that come while others are on their way to disk go together."""

    def __init__(self, append: Append, seq: int = 0) -> None:
        self._append = append
        self._seq = seq
        self._lines: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._failed: str | None = None
        self._coming: Iterator[Change] = iter(())
        self._ahead: dict[Address, asyncio.Task[None]] = {}
        self._over: set[Address] = set()  # ended before their intents were noted

    def expect(self, changes: Iterable[Change]) -> None:
        """Is told which changes are to come, in order: their intents are noted ahead."""
        self._coming = iter(changes)

    async def begin(self, begun: Begun) -> None:
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
        for change in changes:
            self._note(_intent(change, 1))
        noted = asyncio.create_task(self._durable())
        noted.add_done_callback(_heard)  # those who need it hear of a failure as well
        self._ahead |= {change.address: noted for change in changes}

    def outcome(self, outcome: Outcome) -> None:
        """Notes how a change ended; it goes to disk with what comes next."""
        if self._ahead.pop(outcome.change.address, None) is None:
            self._over.add(outcome.change.address)
        self._note(Ended(str(outcome.change.address), outcome.name, outcome.detail))

    async def end(self, closed: Closed) -> None:
        """The last line, and with it all that were still on their way."""
        self._note(closed)
        await self._durable()

    def _note(self, row: Row) -> None:
        self._seq += 1
        self._lines.append(line_of(structs.replace(row, seq=self._seq)))

    async def _durable(self) -> None:
        if self._failed is not None:
            raise JournalError(self._failed)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        """Group commit: what gathers while one group is written is the next one."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            data = b"".join(self._lines)
            self._lines.clear()
            try:
                await self._append(data)
            except OSError as error:
                # Never tried again: after a failed fsync nobody knows what is on the disk.
                self._failed = f"the journal cannot be written: {error.strerror or error}"
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


class NoJournal:
    """A ledger that forgets: for measuring what the other one costs."""

    def expect(self, changes: Iterable[Change]) -> None:
        """Nothing."""

    async def intent(self, change: Change, attempt: int) -> None:
        """Nothing."""

    def outcome(self, outcome: Outcome) -> None:
        """Nothing."""


class History(Struct, frozen=True):
    """What a journal says: of each record the last intent to write, and how it ended if it did.

    `size` is how many of the file's bytes are whole lines; `closed` whether the run's end is told.
    """

    begun: Begun
    intents: Mapping[Address, Intent]
    outcomes: Mapping[Address, Ended]
    closed: bool
    seq: int
    size: int

    @property
    def in_flight(self) -> frozenset[Address]:
        """Records that a write may have reached without anybody noting it."""
        return frozenset(self.intents.keys() - self.outcomes.keys())


def line_of(row: Row) -> bytes:
    """A row as its line: JSON, the last member of which is the CRC-32 of all before it."""
    body = msgspec.json.encode(row)
    return b'%b,"crc":"%08x"}\n' % (body[:-1], zlib.crc32(body))


_CRC_BYTES = len(b',"crc":"00000000"}')
_ROWS: msgspec.json.Decoder[Row] = msgspec.json.Decoder(Row)


def read(data: bytes, name: str) -> History:
    """What a journal says; `name` is how an error calls it.

    A last line that is not whole was being written when the run ended: it is as if it were not
    there. Raises JournalError for any other damage, with its line.
    """
    begun: Begun | None = None
    intents: dict[Address, Intent] = {}
    outcomes: dict[Address, Ended] = {}
    closed, seq, size = False, 0, 0
    for row, length in _rows(data, name):
        seq, size = row.seq, size + length
        if isinstance(row, Begun):
            begun = row
            if row.format != FORMAT:
                raise JournalError(f"{name}: has format {row.format}; this version reads {FORMAT}")
        elif isinstance(row, Intent):
            address = _address(row.address, name)
            intents[address] = row
            outcomes.pop(address, None)
        elif isinstance(row, Ended):
            outcomes[_address(row.address, name)] = row
        closed = isinstance(row, Closed)
    if begun is None:
        raise JournalError(f"{name}: is no journal, or nothing of one")
    return History(begun, intents, outcomes, closed, seq, size)


def _rows(data: bytes, name: str) -> Iterator[tuple[Row, int]]:
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        row = _row(line)
        if row is None or row.seq != number:
            if number == len(lines):
                return
            raise JournalError(f"{name}:{number}: is damaged: not the line that was written there")
        yield row, len(line)


def _row(line: bytes) -> Row | None:
    body, crc = line[: -_CRC_BYTES - 1] + b"}", line[-_CRC_BYTES - 1 :]
    if crc != b',"crc":"%08x"}\n' % zlib.crc32(body):
        return None
    try:
        return _ROWS.decode(body)
    except msgspec.MsgspecError:
        return None


def ends(tail: bytes) -> bool:
    """Whether the last bytes of a journal are those of one that was closed."""
    last = tail.rpartition(b"\n")[0].rpartition(b"\n")[2]
    return tail.endswith(b"\n") and isinstance(_row(last + b"\n"), Closed)


def _address(text: str, name: str) -> Address:
    """An address, which becomes a path of the API: a journal is a file like any other."""
    kind, _, sid = text.partition("/")
    if kind not in KINDS or not is_sid(sid):
        raise JournalError(f"{name}: `{text}` is no address of a record")
    return Address(kind, sid)
