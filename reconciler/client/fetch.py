"""Records -> what the API holds for each, by the way that needs fewer requests.

There is no way to read a set of SIDs at once. `each` asks for every record, `sweep` walks through
all pages of a kind and joins here; which of them needs fewer requests depends on how many records
the account has, which nobody says. `auto` finds out on the way.
"""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import Literal, TypeAlias

from reconciler.client import api
from reconciler.client.capabilities import Capabilities
from reconciler.client.concurrency import each_of
from reconciler.client.fetch_each import read_each
from reconciler.client.fetch_pages import SweepBrokenError, pages
from reconciler.client.fetch_strategy import PageStrategy
from reconciler.client.transport import Transport
from reconciler.kinds import KINDS
from reconciler.model import Address, Current, Record, Unreadable

ReadMode: TypeAlias = Literal["auto", "each", "sweep"]
OnRead: TypeAlias = Callable[[Address, Current | Unreadable], None]


async def read(
    records: Collection[Record],
    transport: Transport,
    *,
    how: ReadMode,
    parallelism: int,
    on_read: OnRead,
) -> None:
    """Tells `on_read` what the API holds for each record, once, in any order.

    A record that no page showed is asked for by its SID: only the answer to that says that it is
    not there. Raises ApiError where nothing can be read at all.
    """
    learned = Capabilities()
    left: dict[str, dict[str, Record]] = {name: {} for name in KINDS}
    for record in records:
        left[record.address.kind][record.address.sid] = record
    if how != "each":

        async def sweep(name: str) -> None:
            wanted = left[name]
            go_on = PageStrategy(len(wanted)).another_page if how == "auto" else _to_the_end
            await _sweep(pages(KINDS[name], transport, learned), wanted, go_on, on_read)

        kinds = [name for name, wanted in left.items() if wanted]
        await each_of(kinds, sweep, at_most=len(kinds))
    rest = [record for wanted in left.values() for record in wanted.values()]
    await read_each(rest, transport, learned, parallelism=parallelism, on_read=on_read)


async def _sweep(
    walk: AsyncGenerator[api.Page],
    wanted: dict[str, Record],
    go_on: Callable[[int, int, int | None], bool],
    on_read: OnRead,
) -> None:
    """Reads pages while they are worth it and takes what they show out of `wanted`."""
    total, read_pages = None, 0
    try:
        async with aclosing(walk):
            while wanted and go_on(read_pages, len(wanted), total):
                page = await anext(walk, None)
                if page is None:
                    return
                read_pages, total = read_pages + 1, page.total
                for item in page.items:
                    _take(item, wanted, on_read)
    except SweepBrokenError:
        return  # what is left is asked for record by record


def _to_the_end(_pages: int, _left: int, _total: int | None) -> bool:
    return True


def _take(item: api.Item, wanted: dict[str, Record], on_read: OnRead) -> None:
    record = wanted.get(item.sid)
    current = None if record is None else api.value_of(item)
    if record is not None and current is not None:
        del wanted[item.sid]
        on_read(record.address, current)
