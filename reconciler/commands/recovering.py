"""Runs that ended without a word -> what became of the writes that were in flight then."""

from collections.abc import Iterable

from reconciler.applying import journal_store
from reconciler.applying.journal_format import Intent
from reconciler.applying.journal_store import Run, Unfinished
from reconciler.client.concurrency import run as run_coroutine
from reconciler.client.fetch import read
from reconciler.client.read_only import ReadOnly
from reconciler.commands.opening import Connection, open_api
from reconciler.commands.terminal import Terminal
from reconciler.errors import ReconcilerError
from reconciler.escape import visible
from reconciler.kinds import GONE
from reconciler.model import HUSHED, Address, Current, Unreadable


def look_after(
    left: Iterable[Unfinished], connection: Connection, by: Run, terminal: Terminal
) -> None:
    """Looks at what was in flight, says what it holds now, and closes the journals.

    A journal whose records could not all be looked at stays open, for the next run.
    """
    for each in left:
        if each.history.begun.base_url == connection.target.base_url:
            run_coroutine(_look_after(each, connection, by, terminal))


async def _look_after(
    each: Unfinished, connection: Connection, by: Run, terminal: Terminal
) -> None:
    intents = {address: each.history.intents[address] for address in each.history.in_flight}
    if intents:
        count = "1 record" if len(intents) == 1 else f"{len(intents):,} records"
        terminal.note(
            f"The run of {visible(each.started)} ended without a word; it may have been writing "
            f"{count}:"
        )
    found: dict[Address, Current | Unreadable] = {}
    async with open_api(connection, terminal, requests=len(intents)) as link:
        await read(
            [intent.record(address) for address, intent in sorted(intents.items())],
            ReadOnly(link.transport),
            how="each",
            parallelism=connection.parallelism,
            on_read=found.__setitem__,
        )
    for address in sorted(found):
        terminal.note(f"  {address}: {_said(intents[address], found[address])}")
    if any(isinstance(live, Unreadable) and live.status not in GONE for live in found.values()):
        return
    try:
        await journal_store.close(each, by)
    except ReconcilerError as error:
        terminal.note(f"{terminal.paint.removed('error')}: {visible(str(error))}")


def _said(intent: Intent, live: Current | Unreadable) -> str:
    if isinstance(live, Unreadable) and live.status in GONE:
        return "is gone"
    if isinstance(live, Unreadable):
        reason = live.reason if intent.sensitive is None else HUSHED
        return f"could not be looked at: {visible(reason)}"
    if intent.is_held_by(live):
        return "in place"
    if live.user_data == intent.before:
        return "not in place: it holds what it held before"
    return "not in place: somebody changed it"
