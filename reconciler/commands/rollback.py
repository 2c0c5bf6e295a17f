"""`reconciler rollback`: the journal of an apply -> the plan that undoes it."""

from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from reconciler.applying import journal_store
from reconciler.applying.journal_format import Intent, JournalContent
from reconciler.client.connection import Client, Connection, connected
from reconciler.client.fetch import ReadOptions, read
from reconciler.commands.plan_output import apply_command, present, save
from reconciler.commands.plan_run import with_meta
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError
from reconciler.files import check_writable
from reconciler.manifests.discovery import Tree
from reconciler.manifests.settings import Guards
from reconciler.model import (
    Address,
    Change,
    Current,
    Origin,
    OutcomeName,
    Plan,
    Unreadable,
)
from reconciler.planning.digest import digest
from reconciler.planning.guards.registry import judge

# Outcomes after which a record may hold the value that the apply wrote.
_WRITTEN = (OutcomeName.APPLIED, OutcomeName.UNKNOWN)


class Parameters(Struct, frozen=True):
    """The options of `rollback`."""

    journal: Path
    """The journal of the apply to undo."""
    connection: Connection
    """How to reach the API that is read."""
    tree: Tree
    """The project; CODEOWNERS is read from its repository."""
    guards: Guards = Guards()
    """The limits of the guards."""
    out: Path | None = None
    """The plan file to write; None to write none."""
    format: Literal["text", "json"] = "text"
    """The format of stdout."""


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Makes the plan, saves and prints it; returns INCOMPLETE if a record could not be read.

    Raises JournalError if the journal is damaged or cannot be read, ReconcilerError if it belongs
    to another API.
    """
    if parameters.out is not None:
        # The plan would replace the journal, which holds the values to restore.
        if parameters.out.absolute() == parameters.journal.absolute():
            raise ReconcilerError(f"{parameters.out}: is the journal itself: choose another file")
        check_writable(parameters.out)
    history = journal_store.read(parameters.journal)
    base_url = parameters.connection.base_url
    if history.begun.base_url != base_url:
        raise ReconcilerError(
            f"{parameters.journal}: was written for {history.begun.base_url}, "
            f"but this run uses {base_url}"
        )
    with connected(parameters.connection) as (loop, client):
        plan = loop.run(_plan(history, parameters, client, terminal))
    save(plan, parameters.out)
    present(plan, parameters.format, terminal, parameters.tree)
    if parameters.out is not None and plan.applyable:
        command = apply_command(plan, parameters.out, terminal)
        terminal.note(f"Saved. To apply exactly this plan: {command}")
    return ExitCode.OK if plan.complete else ExitCode.INCOMPLETE


async def _plan(
    history: JournalContent, parameters: Parameters, client: Client, terminal: Terminal
) -> Plan:
    """A plan that gives every record that still holds the written value its earlier value.

    A record that holds its earlier value is in sync; one that holds another value is left alone.
    """
    # A killed run leaves writes without an outcome, and the API may have executed them.
    in_flight = frozenset(history.in_flight)
    written = {
        address: intent
        for address, intent in history.intents.items()
        if address in in_flight or _ended(history, address) in _WRITTEN
    }
    changes: list[Change] = []
    unreadable: list[Unreadable] = []
    in_sync = left = 0
    async with client.session(requests=len(written)) as session:
        with terminal.progress("Reading records", len(written), session.traffic) as step:

            def add(address: Address, live: Current | Unreadable) -> None:
                nonlocal in_sync, left
                intent = written[address]
                if isinstance(live, Unreadable):
                    unreadable.append(live)
                elif intent.is_held_by(live):
                    changes.append(_undone(address, intent, live.user_data))
                elif live.user_data == intent.before:
                    in_sync += 1
                else:
                    left += 1
                step()

            await read(
                [intent.record(address) for address, intent in written.items()],
                session.reading,
                ReadOptions(client.connection.parallelism, pin=client.connection.pin),
                add,
            )
    ordered = tuple(sorted(changes, key=lambda change: change.address))
    url = history.begun.base_url
    lost = tuple(sorted(unreadable, key=lambda record: record.address))
    plan = Plan(url, digest(url, ordered), ordered, in_sync, unreadable=lost, left_alone=left)
    # No share can be computed: the number of all records is known only with the manifests.
    limits = structs.asdict(parameters.guards) | {"max_change_percent": None}
    environment = client.connection.environment
    return with_meta(structs.replace(plan, guards=judge(plan, limits, {}), environment=environment))


def _ended(history: JournalContent, address: Address) -> OutcomeName | None:
    """The outcome of a change in the journal; otherwise None."""
    ended = history.outcomes.get(address)
    return None if ended is None else ended.outcome


def _undone(address: Address, intent: Intent, live: str | None) -> Change:
    """The change back to the value before the write."""
    # `live`, not `intent.after`: the API may hold the written JSON in another layout.
    return Change(address, Origin.CHANGE, live, intent.before, intent.source, intent.sensitive)
