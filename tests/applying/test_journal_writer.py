"""Lines that are durable before what they tell of is done, and what they say after a crash."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

import virtual
from reconciler.applying import journal_format
from reconciler.applying.journal_format import (
    ChangeEnded,
    Intent,
    JournalError,
    Row,
    RunEnded,
    RunStarted,
    line_of,
)
from reconciler.applying.journal_writer import JournalWriter
from reconciler.model import Address, Change, Origin, Outcome, OutcomeName, Source
from writing import sid

BEGUN = RunStarted("r", 1, "0", "sha256:0", "https://x", "patch", "host", 1, "2026-01-01T00:00:00Z")
SOURCE = Source("m.yaml", 1, 1)


def change(number: int) -> Change:
    return Change(Address("messages", sid(number)), Origin.CHANGE, "old", "é\n\u2028", SOURCE)


class Disk:
    """What was written and what is durable, and how many trips that took."""

    def __init__(self, *, broken_after: int = 1000) -> None:
        self.data = b""
        self.durable = b""
        self.trips = 0
        self.broken_after = broken_after

    def write(self, data: bytes) -> None:
        self.data += data

    async def sync(self) -> None:
        written = self.data
        await asyncio.sleep(1)
        self.trips += 1
        if self.trips > self.broken_after:
            raise OSError(28, "No space left on device")
        self.durable = written


async def story(disk: Disk, count: int) -> list[bool]:
    """A run of several writes at once; whether each was durable when it had to be."""
    kept = JournalWriter(disk)
    await kept.begin(BEGUN)

    async def write(number: int) -> bool:
        await kept.intent(change(number), 1)
        durable = sid(number).encode() in disk.durable
        kept.outcome(Outcome(change(number), OutcomeName.APPLIED))
        return durable

    durable = await asyncio.gather(*map(write, range(count)))
    await kept.end(RunEnded("2026-01-01T00:00:01Z", "r"))
    return durable


def test_an_intent_is_durable_when_it_is_told_to_be_and_many_go_together() -> None:
    disk = Disk()

    durable, _ = virtual.run(story(disk, 50))

    assert all(durable)
    assert disk.trips <= 4
    content = journal_format.read(disk.data, "j")
    assert (content.begun.run, content.closed, content.in_flight) == ("r", True, ())
    assert {address.sid for address in content.intents} == {sid(n) for n in range(50)}
    assert content.intents[Address("messages", sid(7))].after == "é\n\u2028"


def test_after_a_write_to_disk_that_failed_nothing_is_promised_any_more() -> None:
    disk = Disk(broken_after=1)

    with pytest.raises(JournalError, match="cannot be written: No space left on device"):
        virtual.run(story(disk, 5))

    assert disk.trips == 2  # the one that failed is not tried again
    assert not journal_format.read(disk.data, "j").closed


def test_what_is_to_come_is_noted_ahead_in_one_go() -> None:
    disk = Disk()

    async def run() -> float:
        kept = JournalWriter(disk)
        await kept.begin(BEGUN)
        kept.expect(change(n) for n in range(200))
        started = asyncio.get_running_loop().time()
        for number in range(200):
            await kept.intent(change(number), 1)
            assert sid(number).encode() in disk.durable
        took = asyncio.get_running_loop().time() - started
        await kept.intent(change(7), 2)
        await kept.end(RunEnded("t", "r"))
        return took

    took, _ = virtual.run(run())

    assert took <= 8  # seconds of a disk that takes one for each trip
    content = journal_format.read(disk.data, "j")
    assert {intent.attempt for intent in content.intents.values()} == {1, 2}
    assert len(content.intents) == 200


def test_of_what_was_noted_ahead_only_so_much_was_begun_as_goes_on_at_once() -> None:
    rows: list[Row] = [structs.replace(BEGUN, parallelism=3)]
    rows += [Intent(f"messages/{sid(n)}", None, "x", 1, SOURCE) for n in range(20)]
    rows += [ChangeEnded(f"messages/{sid(n)}", OutcomeName.APPLIED) for n in (0, 1, 3)]
    numbered = enumerate(rows, start=1)
    data = b"".join(line_of(structs.replace(row, seq=number)) for number, row in numbered)

    assert [address.sid for address in journal_format.read(data, "j").in_flight] == [
        sid(2), sid(4), sid(5)
    ]  # fmt: skip


def test_a_journal_of_another_format_or_about_no_record_is_refused() -> None:
    newer = line_of(structs.replace(BEGUN, format=2, seq=1))
    with pytest.raises(JournalError, match="has format 2; this version reads 1"):
        journal_format.read(newer, "j")

    evil = ChangeEnded("messages/../../x", OutcomeName.APPLIED, seq=2)
    with pytest.raises(JournalError, match="is not the address of a record"):
        journal_format.read(line_of(structs.replace(BEGUN, seq=1)) + line_of(evil), "j")


def test_the_end_of_a_closed_journal_tells_that_it_is_one() -> None:
    rows = lines()

    assert journal_format.is_closed(b"".join(rows))
    for cut in (rows[:-1], [*rows[:-1], rows[-1][:-1]], [], [b"x\n"]):
        assert not journal_format.is_closed(b"".join(cut))


def lines() -> list[bytes]:
    disk = Disk()
    virtual.run(story(disk, 5))
    return disk.data.splitlines(keepends=True)


@given(st.data())
def test_a_journal_that_was_cut_anywhere_tells_its_whole_lines(data: st.DataObject) -> None:
    rows = lines()
    whole = b"".join(rows)
    cut = data.draw(st.integers(len(rows[0]), len(whole)))

    content = journal_format.read(whole[:cut], "j")

    assert whole[: content.size] == b"".join(
        row for row in rows if whole.index(row) + len(row) <= cut
    )
    assert content.closed == (cut == len(whole))
    assert content.seq == len(whole[: content.size].splitlines())
    # Every write that may have been sent is in flight.
    content = structs.replace(content, begun=structs.replace(content.begun, parallelism=5))
    for number in range(5):
        intent = sid(number).encode() in whole[: content.size]
        done = whole[: content.size].count(sid(number).encode()) == 2
        assert (Address("messages", sid(number)) in content.in_flight) == (intent and not done)


@given(st.data())
def test_damage_in_the_middle_is_refused_with_its_line(data: st.DataObject) -> None:
    rows = lines()
    number = data.draw(st.integers(0, len(rows) - 2))
    at = data.draw(st.integers(0, len(rows[number]) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (10, 13)))
    if rows[number][at] == byte:
        return
    rows[number] = rows[number][:at] + bytes([byte]) + rows[number][at + 1 :]

    with pytest.raises(JournalError, match=f"^j:{number + 1}: is damaged"):
        journal_format.read(b"".join(rows), "j")


def test_lines_that_were_taken_out_or_changed_places_are_damage() -> None:
    rows = lines()

    for damaged in ([*rows[:2], *rows[3:]], [rows[0], rows[2], rows[1], *rows[3:]], rows * 2):
        with pytest.raises(JournalError, match="is damaged"):
            journal_format.read(b"".join(damaged), "j")


@pytest.mark.parametrize("data", [b"", b"{}\n", b"\xff\n", b"messages: {}"])
def test_what_is_no_journal_is_refused(data: bytes) -> None:
    with pytest.raises(JournalError, match="is not a journal"):
        journal_format.read(data, "j")


def test_a_line_holds_nothing_that_would_break_it() -> None:
    line = line_of(RunEnded("\n\r\u2028", "\x00"))

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
