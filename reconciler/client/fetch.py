"""Records -> their live values, with as few requests as possible.

The API cannot read a set of SIDs in one request. `each` sends one GET for every record; `sweep`
reads the pages of a kind and picks the wanted records. Which needs fewer requests depends on the
number of records in the account, which the API does not reliably state. `auto` decides after each
page (fetch_strategy).
"""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import Literal, TypeAlias

from msgspec import Struct

from reconciler.client import api
from reconciler.client.capabilities import Capabilities
from reconciler.client.concurrency import each_of
from reconciler.client.fetch_each import read_each
from reconciler.client.fetch_pages import SweepBrokenError, pages
from reconciler.client.fetch_strategy import PageStrategy
from reconciler.client.partner_check import PartnerCheck, Pin
from reconciler.client.transport import Transport
from reconciler.kinds import KINDS
from reconciler.model import Address, Current, Record, Unreadable

ReadMode: TypeAlias = Literal["auto", "each", "sweep"]
# Called with the live value of a record, or with the reason why it could not be read.
OnRead: TypeAlias = Callable[[Address, Current | Unreadable], None]


class ReadOptions(Struct, frozen=True):
    """How records are read."""

    parallelism: int
    """The most GETs in progress at once; at least 1."""
    how: ReadMode = "auto"
    """The strategy."""
    pin: Pin | None = None
    """The only partner whose records may be among the wanted ones; None for any."""


async def read(
    records: Collection[Record],
    transport: Transport,
    options: ReadOptions,
    on_read: OnRead,
) -> None:
    """Calls `on_read` once for each record, in any order.

    A record that is on no page is read by its SID: only the response to that GET proves that it
    does not exist. Raises ApiError if no record can be read: no connection, or the API refuses the
    token; or if a record is not one of the pinned partner.
    """
    if options.pin is not None:
        wanted = frozenset(record.address.sid for record in records)
        transport = PartnerCheck(transport, options.pin, wanted)
    learned = Capabilities()
    left: dict[str, dict[str, Record]] = {name: {} for name in KINDS}
    for record in records:
        left[record.address.kind][record.address.sid] = record
    if options.how != "each":

        async def sweep(name: str) -> None:
            wanted = left[name]
            go_on = PageStrategy(len(wanted)).another_page if options.how == "auto" else _to_the_end
            await _sweep(pages(KINDS[name], transport, learned), wanted, go_on, on_read)

        # Only kinds are read at once: a page needs the last SID of the page before.
        kinds = [name for name, wanted in left.items() if wanted]
        await each_of(kinds, sweep, at_most=len(kinds))
    rest = [record for wanted in left.values() for record in wanted.values()]
    await read_each(rest, transport, learned, parallelism=options.parallelism, on_read=on_read)


async def _sweep(
    walk: AsyncGenerator[api.Page],
    wanted: dict[str, Record],
    go_on: Callable[[int, int, int | None], bool],
    on_read: OnRead,
) -> None:
    """Reads pages while `go_on` allows it, and removes the records it finds from `wanted`."""
    total, read_pages = None, 0
    try:
        # The loop can stop early; aclosing ends the generator here, not at garbage collection.
        async with aclosing(walk):
            while wanted and go_on(read_pages, len(wanted), total):
                page = await anext(walk, None)
                if page is None:
                    return
                read_pages, total = read_pages + 1, page.total
                for item in page.items:
                    _take(item, wanted, on_read)
    except SweepBrokenError:
        return  # the remaining records are read one by one


def _to_the_end(_pages: int, _left: int, _total: int | None) -> bool:
    return True


def _take(item: api.Item, wanted: dict[str, Record], on_read: OnRead) -> None:
    """Reports a listed record if it is wanted. One without a usable value stays in `wanted`."""
    record = wanted.get(item.sid)
    current = None if record is None else api.value_of(item)
    if record is not None and current is not None:
        del wanted[item.sid]
        on_read(record.address, current)
