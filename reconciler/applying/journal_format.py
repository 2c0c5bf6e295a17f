"""Rows <-> the lines of a journal, and the lines of a journal -> the writes that were in flight.

A line is JSON with a number and a checksum. A write is sent only after its intent is durable, so
that after a crash only intents without an outcome can have been in flight. A journal decides
nothing: the value of a record is always read from the API.
"""

import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from reconciler.errors import ReconcilerError
from reconciler.kinds import KINDS, is_sid
from reconciler.model import Address, Current, OutcomeName, Record, Source
from reconciler.values.canonical import matches
from reconciler.values.json_text import decode, encode

# The version of the format; a journal of another version is refused.
FORMAT = 1


class JournalError(ReconcilerError):
    """A journal cannot be written or read."""


class RunStarted(Struct, frozen=True, tag_field="type", tag="run"):
    """The first line: the run and its plan."""

    run: str
    """The name of the run."""
    format: int
    """The version of the format, `FORMAT`."""
    version: str
    """The version of reconciler."""
    digest: str
    """The digest of the plan."""
    base_url: str
    """The API that is written to."""
    method: str
    """How records are written: `patch` or `put`."""
    host: str
    """The name of the machine."""
    pid: int
    """The process ID."""
    started: str
    """When the run started (RFC 3339, UTC)."""
    parallelism: Annotated[int, Meta(ge=1, le=2**53)] = 1
    """The most changes that are in progress at once."""
    seq: int = 0
    """The number of the line, from 1; 0 before it is written."""


class Intent(Struct, frozen=True, tag_field="type", tag="intent"):
    """A write that may be sent; it is not sent if the record no longer holds `before`."""

    address: str
    """`messages/097b49df-...`."""
    before: str | None
    """The live text that the plan expects; None for an empty field."""
    after: str | None
    """The text to write; None for an empty field."""
    attempt: int
    """The number of the attempt to write this change, from 1."""
    source: Source
    """Where the entry is written."""
    sensitive: tuple[str, ...] | None = None
    """JSON Pointers to redact; None if the record has no sensitive fields."""
    structured: bool = False
    """Whether any layout of the same JSON is equal to `after`."""
    seq: int = 0
    """The number of the line, from 1; 0 before it is written."""

    def record(self, address: Address) -> Record:
        """The record to read in order to find out whether the write was done."""
        return Record(address, self.before, structured=False, source=self.source)

    def is_held_by(self, live: Current) -> bool:
        """Whether the live record holds `after`."""
        return matches(self.after, live.user_data, structured=self.structured)


class ChangeEnded(Struct, frozen=True, tag_field="type", tag="outcome"):
    """The outcome of a change."""

    address: str
    """`messages/097b49df-...`."""
    outcome: OutcomeName
    """How the change ended."""
    detail: str = ""
    """The reason in one sentence; empty if the name is enough."""
    seq: int = 0
    """The number of the line, from 1; 0 before it is written."""


class RunEnded(Struct, frozen=True, tag_field="type", tag="end"):
    """The last line: the run ended normally, or a later run recovered its writes in flight."""

    ended: str
    """When the line was written (RFC 3339, UTC)."""
    by: str
    """The name of the run that wrote the line."""
    seq: int = 0
    """The number of the line, from 1; 0 before it is written."""


Row: TypeAlias = RunStarted | Intent | ChangeEnded | RunEnded


class JournalContent(Struct, frozen=True):
    """The content of a journal."""

    begun: RunStarted
    """The first line."""
    intents: Mapping[Address, Intent]
    """The last intent of each record, in the order of the first ones."""
    outcomes: Mapping[Address, ChangeEnded]
    """The outcome of each record that has one after its last intent."""
    closed: bool
    """Whether the last line is a RunEnded."""
    seq: int
    """The number of the last complete line."""
    size: int
    """The length of all complete lines, in bytes."""

    @property
    def in_flight(self) -> tuple[Address, ...]:
        """Records that a write may have reached although the journal has no outcome for them.

        Intents are written in batches, before their writes are sent (journal_writer). Writes start
        in the order of the intents, at most `parallelism` at once: of the intents without an
        outcome only the first `parallelism` can have been sent.
        """
        open_ones = (address for address in self.intents if address not in self.outcomes)
        return tuple(islice(open_ones, self.begun.parallelism))


def line_of(row: Row) -> bytes:
    """The line of a row: a JSON object whose last member is the CRC-32 of the object without it."""
    # JSON escapes line breaks (RFC 8259, section 7), so a row never has more than one line.
    body = encode(row).encode()
    return b'%b,"crc":"%08x"}\n' % (body[:-1], zlib.crc32(body))


_CRC_BYTES = len(b',"crc":"00000000"}')
_ROWS: msgspec.json.Decoder[Row] = msgspec.json.Decoder(Row)


def read(data: bytes, name: str) -> JournalContent:
    """The content of a journal; `name` is the file's name in errors.

    A damaged last line is ignored: it was being written when the run ended. Raises JournalError,
    with the line, for any other damage.
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
            intents[address] = row  # a dict keeps the place of the first attempt
            outcomes.pop(address, None)
        elif isinstance(row, ChangeEnded):
            outcomes[_address(row.address, name)] = row
        closed = isinstance(row, RunEnded)
    if begun is None:
        raise JournalError(
            f"{name}: is not a journal: it does not start with a complete `run` line"
        )
    return JournalContent(begun, intents, outcomes, closed, seq, size)


def _rows(data: bytes, name: str) -> Iterator[tuple[Row, int]]:
    # Bytes: `str.splitlines` also splits at U+2028, which msgspec does not escape in a value.
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        row = _row(line)
        # A checksum cannot show that whole lines were removed or changed places; the number can.
        if row is None or row.seq != number:
            if number == len(lines):
                return
            raise JournalError(
                f"{name}:{number}: is damaged: its checksum or its number does not match"
            )
        yield row, len(line)


def _row(line: bytes) -> Row | None:
    body, crc = line[: -_CRC_BYTES - 1] + b"}", line[-_CRC_BYTES - 1 :]
    if crc != b',"crc":"%08x"}\n' % zlib.crc32(body):
        return None
    try:
        return decode(body, _ROWS)
    # A journal is untrusted input: a commit can hold one with a good checksum.
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def is_closed(tail: bytes) -> bool:
    """Whether the last bytes of a journal end in a complete RunEnded line."""
    last = tail.rpartition(b"\n")[0].rpartition(b"\n")[2]
    return tail.endswith(b"\n") and isinstance(_row(last + b"\n"), RunEnded)


def _address(text: str, name: str) -> Address:
    """The address of a row, checked because it becomes a URL path and a journal is untrusted input.

    Raises JournalError if it is not an address.
    """
    address = Address.parse(text)
    if address.kind not in KINDS or not is_sid(address.sid):
        raise JournalError(f"{name}: `{text}` is not the address of a record")
    return address
