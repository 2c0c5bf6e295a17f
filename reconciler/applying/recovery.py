"""Runs that ended without closing their journal -> what their last writes came to."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from reconciler.applying import journal_store, result_file
from reconciler.applying.journal_format import Intent, JournalError
from reconciler.applying.journal_store import Run, UnfinishedRun
from reconciler.client.connection import Client
from reconciler.client.fetch import ReadOptions, read
from reconciler.errors import ExitCode
from reconciler.files import PRIVATE, write_whole
from reconciler.kinds import GONE
from reconciler.model import (
    REDACTED_REASON,
    Address,
    Change,
    Current,
    Origin,
    Outcome,
    OutcomeName,
    Plan,
    Unreadable,
)


class Fate(StrEnum):
    """The state of a record that was being written when its run ended."""

    IN_PLACE = "in place"
    UNCHANGED = "not in place: it holds what it held before"
    CHANGED = "not in place: another client changed it"
    GONE = "is gone"
    UNREADABLE = "could not be read"


class Recovered(Struct, frozen=True):
    """One unfinished run, and the live value of every record that it may have been writing."""

    started: str
    """When that run began (RFC 3339)."""
    fates: Mapping[Address, tuple[Fate, str]]
    """Each record in order of address, with the reason if it could not be read."""
    error: str = ""
    """Why the journal could not be closed; empty if it was."""

    @property
    def complete(self) -> bool:
        """Whether every record could be read; otherwise the journal stays open."""
        return all(fate is not Fate.UNREADABLE for fate, _ in self.fates.values())


async def recover(unfinished: UnfinishedRun, client: Client, by: Run) -> Recovered:
    """Reads the records that a run may have been writing when it ended, and closes its journal.

    A journal whose records could not all be read stays open, for the next run. `by` is the run
    that does this.
    """
    history = unfinished.history
    intents = {address: history.intents[address] for address in sorted(history.in_flight)}
    found: dict[Address, Current | Unreadable] = {}
    async with client.session(requests=len(intents)) as session:
        await read(
            [intent.record(address) for address, intent in intents.items()],
            session.reading,
            ReadOptions(client.connection.parallelism, "each", client.connection.pin),
            found.__setitem__,
        )
    fates = {address: _fate(intent, found[address]) for address, intent in intents.items()}
    recovered = Recovered(unfinished.started, fates)
    if not recovered.complete:
        return recovered
    try:
        await journal_store.close(unfinished, by)
    except JournalError as error:
        return Recovered(unfinished.started, fates, str(error))
    return recovered


# What a recovered run came to for a record, as an outcome of its audit record.
_OUTCOMES = {
    Fate.IN_PLACE: OutcomeName.APPLIED,
    Fate.UNCHANGED: OutcomeName.FAILED,
    Fate.CHANGED: OutcomeName.STALE,
    Fate.GONE: OutcomeName.MISSING,
    Fate.UNREADABLE: OutcomeName.UNKNOWN,
}


def write_audit(unfinished: UnfinishedRun, recovered: Recovered, by: Run) -> None:
    """Writes the audit record that a killed run could not write, beside its journal.

    Raises ReconcilerError if it cannot be written.
    """
    history = unfinished.history
    begun = history.begun
    outcomes = []
    for address, intent in history.intents.items():
        ended, fate = history.outcomes.get(address), recovered.fates.get(address)
        change = Change(address, Origin.CHANGE, intent.before, intent.after, intent.source)
        if fate is not None:
            outcomes.append(Outcome(change, _OUTCOMES[fate[0]], f"read by the run {by.name}"))
        elif ended is not None:
            outcomes.append(Outcome(change, ended.outcome, ended.detail))
    ran = result_file.RunInfo(
        run=begun.run,
        version=begun.version,
        started=begun.started,
        seconds=0.0,
        exit_code=int(ExitCode.INCOMPLETE),
        method=begun.method,
        journal=result_file.plain(unfinished.path.as_posix()),
        base_url=begun.base_url,
        error=f"it was killed; recorded by the run {by.name}",
        expected=None,
        by={},
    )
    changes = tuple(outcome.change for outcome in outcomes)
    plan = Plan(begun.base_url, begun.digest, changes, 0)
    audit = result_file.audit(plan, outcomes, ran)
    write_whole(unfinished.path.with_suffix(".json"), audit, mode=PRIVATE)


def _fate(intent: Intent, live: Current | Unreadable) -> tuple[Fate, str]:
    if isinstance(live, Unreadable):
        # As UNREADABLE, a deleted record would keep the journal open and be reported again.
        if live.status in GONE:
            return Fate.GONE, ""
        return Fate.UNREADABLE, live.reason if intent.sensitive is None else REDACTED_REASON
    if intent.is_held_by(live):
        return Fate.IN_PLACE, ""
    return Fate.UNCHANGED if live.user_data == intent.before else Fate.CHANGED, ""
