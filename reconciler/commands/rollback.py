"""`reconciler rollback`: the journals of applies -> the plan that undoes them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from reconciler.applying import journal_store
from reconciler.applying.journal_format import Intent, JournalContent
from reconciler.client.connection import Client, Connection, connected
from reconciler.client.fetch import ReadOptions, read
from reconciler.commands.plan_output import account_cure, apply_command, present, save
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
from reconciler.wording import first_of, plural

# Outcomes after which a record may hold the value that the apply wrote.
_WRITTEN = (OutcomeName.APPLIED, OutcomeName.UNKNOWN)


class Parameters(Struct, frozen=True):
    """The options of `rollback`."""

    runs: tuple[str, ...]
    """The applies to undo: journals, folders (their newest journal), or digests of plans."""
    journals: Path
    """The folder of journals, in which the runs of a digest are looked for."""
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

    Raises JournalError if a journal is damaged or cannot be read, ReconcilerError if it belongs to
    another API.
    """
    paths = [
        path for run in parameters.runs for path in journal_store.find(run, parameters.journals)
    ]
    if parameters.out is not None:
        # The plan would replace the journal, which holds the values to restore.
        if parameters.out.absolute() in [path.absolute() for path in paths]:
            raise ReconcilerError(f"{parameters.out}: is the journal itself: choose another file")
        check_writable(parameters.out)
    histories = {path: journal_store.read(path) for path in dict.fromkeys(paths)}
    base_url = parameters.connection.base_url
    for path, history in histories.items():
        if history.begun.base_url != base_url:
            cure = account_cure(history.begun.base_url)
            raise ReconcilerError(
                f"{path}: was written for {history.begun.base_url}, but this run uses {base_url}: "
                f"{cure}"
            )
    ordered = sorted(histories.values(), key=lambda history: history.begun.started)
    with connected(parameters.connection) as (loop, client):
        plan = loop.run(_plan(_written(ordered), parameters, client, terminal))
    save(plan, parameters.out)
    present(plan, parameters.format, terminal, parameters.tree)
    if parameters.out is not None and plan.applyable:
        command = apply_command(plan, parameters.out, terminal)
        terminal.note(f"Saved. To apply exactly this plan: {command}")
    if plan.applyable:
        terminal.note(
            "The manifests still hold the values that this plan takes back: the next apply of them "
            "writes these again. Revert the commit as well (git revert), and apply the revert: it "
            "finds all in sync and is the next base."
        )
    return ExitCode.OK if plan.complete else ExitCode.INCOMPLETE


async def _plan(
    written: Mapping[Address, Intent], parameters: Parameters, client: Client, terminal: Terminal
) -> Plan:
    """A plan that gives every record that still holds the written value its earlier value.

    A record that holds its earlier value is in sync; one that holds another value is left alone.
    """
    changes: list[Change] = []
    unreadable: list[Unreadable] = []
    in_sync = 0
    left: list[Address] = []
    async with client.session(requests=len(written)) as session:
        with terminal.progress("Reading records", len(written), session.traffic) as step:

            def add(address: Address, live: Current | Unreadable) -> None:
                nonlocal in_sync
                intent = written[address]
                if isinstance(live, Unreadable):
                    unreadable.append(live)
                elif live.user_data == intent.before:
                    in_sync += 1
                elif intent.is_held_by(live):
                    changes.append(_undone(address, intent, live.user_data))
                else:
                    left.append(address)
                step()

            await read(
                [intent.record(address) for address, intent in written.items()],
                session.reading,
                ReadOptions(client.connection.parallelism, pin=client.connection.pin),
                add,
            )
    if left:
        terminal.note(
            "Left alone, because another value came after that of the run: "
            f"{plural(len(left), 'record')}: {first_of(sorted(left))}"
        )
    if not changes and not unreadable:
        terminal.note("Nothing to undo: no record holds a value of the run.")
    ordered = tuple(sorted(changes, key=lambda change: change.address))
    url = client.connection.base_url
    lost = tuple(sorted(unreadable, key=lambda record: record.address))
    plan = Plan(url, digest(url, ordered), ordered, in_sync, unreadable=lost, left_alone=len(left))
    # No share can be computed: the number of all records is known only with the manifests.
    limits = structs.asdict(parameters.guards) | {"max_change_percent": None}
    environment = client.connection.environment
    return with_meta(structs.replace(plan, guards=judge(plan, limits, {}), environment=environment))


def _written(histories: Iterable[JournalContent]) -> dict[Address, Intent]:
    """For each record that was perhaps written, the last write, with the value to give it back.

    `histories` are in order of time. If one run after the other wrote a record, that is the value
    before the first of them. If another client changed it in between, it is that client's value.
    """
    written: dict[Address, Intent] = {}
    for history in histories:
        # A killed run leaves writes without an outcome, and the API may have executed them.
        in_flight = frozenset(history.in_flight)
        for address, intent in history.intents.items():
            if address in in_flight or _ended(history, address) in _WRITTEN:
                earlier = written.get(address)
                unbroken = earlier is not None and earlier.is_held_by(Current(intent.before))
                before = earlier.before if unbroken and earlier is not None else intent.before
                written[address] = structs.replace(intent, before=before)
    return written


def _ended(history: JournalContent, address: Address) -> OutcomeName | None:
    """The outcome of a change in the journal; otherwise None."""
    ended = history.outcomes.get(address)
    return None if ended is None else ended.outcome


def _undone(address: Address, intent: Intent, live: str | None) -> Change:
    """The change back to the value before the write."""
    # `live`, not `intent.after`: the API may hold the written JSON in another layout.
    return Change(address, Origin.CHANGE, live, intent.before, intent.source, intent.sensitive)
