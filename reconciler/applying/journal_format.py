"""The lines of a journal, and what they say after a crash.

A line is JSON with a number and a checksum. A write begins only once its intent is durable, so that
after a crash the lines without an outcome are all that may have been in flight. Nothing is ever
decided by a journal: what a record holds, the API alone says.
"""

import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias

import msgspec
from msgspec import Struct

from reconciler.errors import ReconcilerError
from reconciler.kinds import KINDS, is_sid
from reconciler.model import Address, Current, OutcomeName, Record, Source
from reconciler.values.canonical import matches

FORMAT = 1


class JournalError(ReconcilerError):
    """A journal that cannot be written, or read."""


class RunStarted(Struct, frozen=True, tag_field="type", tag="run"):
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
    parallelism: int = 1
    seq: int = 0


class Intent(Struct, frozen=True, tag_field="type", tag="intent"):
    """A write that is about to be sent, for the `attempt`th time, if the record still allows it."""

    address: str
    before: str | None
    after: str | None
    attempt: int
    source: Source
    sensitive: tuple[str, ...] | None = None
    structured: bool = False
    seq: int = 0

    def record(self, address: Address) -> Record:
        """What to look at to learn what became of it."""
        return Record(address, self.before, structured=False, source=self.source)

    def is_held_by(self, live: Current) -> bool:
        """Whether a record holds what was to be written."""
        return matches(self.after, live.user_data, structured=self.structured)


class ChangeEnded(Struct, frozen=True, tag_field="type", tag="outcome"):
    """How a change ended."""

    address: str
    outcome: OutcomeName
    detail: str = ""
    seq: int = 0


class RunEnded(Struct, frozen=True, tag_field="type", tag="end"):
    """The last line: the run ended by itself, or a later run (`by`) has looked after it."""

    ended: str
    by: str
    seq: int = 0


Row: TypeAlias = RunStarted | Intent | ChangeEnded | RunEnded


class JournalContent(Struct, frozen=True):
    """What a journal says: of each record the last intent to write, and how it ended if it did.

    `size` is how many of the file's bytes are whole lines; `closed` whether the run's end is told.
    """

    begun: RunStarted
    intents: Mapping[Address, Intent]
    outcomes: Mapping[Address, ChangeEnded]
    closed: bool
    seq: int
    size: int

    @property
    def in_flight(self) -> tuple[Address, ...]:
        """Records that a write may have reached without anybody noting it.

        Intents are noted ahead and taken up in their order, so many at once: behind the first that
        have no outcome, none was begun.
        """
        open_ones = (address for address in self.intents if address not in self.outcomes)
        return tuple(islice(open_ones, self.begun.parallelism))


def line_of(row: Row) -> bytes:
    """A row as its line: JSON, the last member of which is the CRC-32 of all before it."""
    body = msgspec.json.encode(row)
    return b'%b,"crc":"%08x"}\n' % (body[:-1], zlib.crc32(body))


_CRC_BYTES = len(b',"crc":"00000000"}')
_ROWS: msgspec.json.Decoder[Row] = msgspec.json.Decoder(Row)


def read(data: bytes, name: str) -> JournalContent:
    """What a journal says; `name` is how an error calls it.

    A last line that is not whole was being written when the run ended: it is as if it were not
    there. Raises JournalError for any other damage, with its line.
    """
    begun: RunStarted | None = None
    intents: dict[Address, Intent] = {}
    outcomes: dict[Address, ChangeEnded] = {}
    closed, seq, size = False, 0, 0
    for row, length in _rows(data, name):
        seq, size = row.seq, size + length
        if isinstance(row, RunStarted):
            begun = row
            if row.format != FORMAT:
                raise JournalError(f"{name}: has format {row.format}; this version reads {FORMAT}")
        elif isinstance(row, Intent):
            address = _address(row.address, name)
            intents[address] = row  # a further attempt keeps its place
            outcomes.pop(address, None)
        elif isinstance(row, ChangeEnded):
            outcomes[_address(row.address, name)] = row
        closed = isinstance(row, RunEnded)
    if begun is None:
        raise JournalError(f"{name}: is no journal, or nothing of one")
    return JournalContent(begun, intents, outcomes, closed, seq, size)


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


def is_closed(tail: bytes) -> bool:
    """Whether the last bytes of a journal are those of one that was closed."""
    last = tail.rpartition(b"\n")[0].rpartition(b"\n")[2]
    return tail.endswith(b"\n") and isinstance(_row(last + b"\n"), RunEnded)


def _address(text: str, name: str) -> Address:
    """An address, which becomes a path of the API: a journal is a file like any other."""
    address = Address.parse(text)
    if address.kind not in KINDS or not is_sid(address.sid):
        raise JournalError(f"{name}: `{text}` is no address of a record")
    return address
