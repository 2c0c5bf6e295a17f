"""A plan -> outcomes and a journal: the part that `apply` shares with every other caller.

Nothing here prints, handles signals or reads the working folder: a caller can run it any number of
times, with one client and one event loop.
"""

import random
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from reconciler.applying import journal_store
from reconciler.applying.executor import ApplyContext, ApplyOptions, Executor
from reconciler.applying.journal_format import JournalError
from reconciler.applying.journal_store import Run
from reconciler.applying.journal_writer import Journal
from reconciler.client.connection import Client
from reconciler.errors import ExitCode
from reconciler.model import GOOD_OUTCOMES, Address, Change, Outcome, OutcomeName, Plan
from reconciler.planning.summary import tally

# A read and a write for each record; a tenth of them may be retried.
_REQUESTS_A_RECORD = 2


class ApplyRequest(Struct, frozen=True):
    """A plan that may be applied now, and the options of the run."""

    plan: Plan
    """The changes to write; its guards and conflicts were checked before."""
    options: ApplyOptions
    """The method of writing and its limits."""
    journal: Path
    """The folder of journals, locked by the caller (`journal_lock.lock_folder`)."""
    run: Run
    """The name and the start of this run."""


class Observer(Protocol):
    """The callbacks of a run that writes."""

    def writing(self, apply: Executor, traffic: object) -> AbstractAsyncContextManager[None]:
        """Surrounds all writes; `apply.stop` and `apply.abandon` end them early.

        `traffic` is the count of requests, as a text for progress.
        """
        ...

    def started(self, change: Change) -> None:
        """A write begins: the intent is on disk."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A change ended."""
        ...


class Silent:
    """An observer that does nothing."""

    @asynccontextmanager
    async def writing(self, _apply: Executor, _traffic: object) -> AsyncGenerator[None]:
        """Does nothing."""
        yield

    def started(self, change: Change) -> None:
        """Does nothing."""

    def ended(self, outcome: Outcome) -> None:
        """Does nothing."""


class ApplyResult(Struct, frozen=True):
    """How a run over a plan ended."""

    outcomes: tuple[Outcome, ...] = ()
    """One for each change of the plan, in order of address."""
    refused: str = ""
    """The API's message when it refused the token; empty if it did not."""
    journal_failure: JournalError | None = None
    """Why the journal could not be written to its end; None if it was."""

    @property
    def nothing_was_written(self) -> bool:
        """Whether certainly no change was written."""
        return _NOT_WRITTEN.issuperset(tally(self.outcomes))


# UNKNOWN is left out: a write without an answer may take effect later (docs/applying.md).
_NOT_WRITTEN = {OutcomeName.SKIPPED, OutcomeName.REJECTED, OutcomeName.FAILED}


async def apply_run(
    request: ApplyRequest, client: Client, observer: Observer | None = None
) -> ApplyResult:
    """Writes the changes of a plan, each noted in the journal before it is sent.

    A failure of a change is an outcome. Raises JournalError if the journal cannot even be begun,
    and ConfigError without a token: nothing was written then. A plan that must not be applied, or
    that holds no changes, is left alone, without a journal.
    """
    plan, observer = request.plan, observer or Silent()
    if not plan.applyable:
        return ApplyResult()
    outcomes: list[Outcome] = []

    def ended(outcome: Outcome) -> None:
        outcomes.append(outcome)
        observer.ended(outcome)

    refused, failure = "", None
    async with client.session(requests=_REQUESTS_A_RECORD * len(plan.changes)) as session:
        try:
            async with journal_store.open_journal(
                request.journal,
                request.run,
                plan,
                request.options.method,
                request.options.parallelism,
            ) as journal:
                means = ApplyContext(
                    session.transport,
                    session.budget,
                    session.clock,
                    random.random,
                    _Announced(journal, observer),
                )
                apply = Executor(means, request.options, ended)
                span = client.connection.telemetry.span("records.apply")
                with span:
                    async with observer.writing(apply, session.traffic):
                        await apply.run(plan.changes)
                refused = apply.refused
        except JournalError as error:
            # With outcomes the error is returned: raised, it would hide the writes so far.
            if not outcomes:
                raise
            failure = error
    # Parallel requests end in any order; without the sort two equal runs would differ.
    return ApplyResult(tuple(sorted(outcomes, key=_address)), refused, failure)


def exit_code(outcomes: Iterable[Outcome], *, complete: bool) -> ExitCode:
    """OK only if every change is in place.

    Records that were left alone (STALE) weigh less than records that failed (INCOMPLETE).
    `complete` says whether the plan had read every record.
    """
    counts = set(tally(outcomes))
    if not complete or counts - GOOD_OUTCOMES - {OutcomeName.STALE}:
        return ExitCode.INCOMPLETE
    return ExitCode.STALE if OutcomeName.STALE in counts else ExitCode.OK


def _address(outcome: Outcome) -> Address:
    return outcome.change.address


class _Announced:
    """A journal that also reports to the observer that a write begins."""

    def __init__(self, journal: Journal, observer: Observer) -> None:
        self._journal = journal
        self._observer = observer

    def expect(self, changes: Iterable[Change]) -> None:
        """Passes on which changes are to come."""
        self._journal.expect(changes)

    async def intent(self, change: Change, attempt: int) -> None:
        """Notes the intent, then says that the write begins."""
        # First the disk: after a crash every record whose start was shown is in the journal.
        await self._journal.intent(change, attempt)
        self._observer.started(change)

    def outcome(self, outcome: Outcome) -> None:
        """Passes the outcome on."""
        self._journal.outcome(outcome)
