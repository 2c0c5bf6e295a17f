"""A plan -> outcomes, with all that a run owes its operator: journal, signals, events, reports."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from reconciler.applying import journal_store
from reconciler.applying.executor import Apply, Manner, Means
from reconciler.applying.journal_format import JournalError
from reconciler.applying.journal_store import Run
from reconciler.applying.journal_writer import Ledger
from reconciler.client.concurrency import run as run_coroutine
from reconciler.commands.event_stream import SECONDS_TO_READ, Speaker
from reconciler.commands.opening import Connection, Link, open_api
from reconciler.commands.terminal import Terminal
from reconciler.errors import ApiError, ExitCode
from reconciler.model import Change, Outcome, OutcomeName, Plan
from reconciler.planning.summary import tally
from reconciler.review import apply_events, apply_text
from reconciler.review.change_text import how_many

# A CI system kills what has not ended 7.5 s after its first signal: reports take the rest.
SECONDS_TO_FINISH = 6.0
_HURRY_SECONDS = 0.5

# Reads and a write a record: a tenth of them may be tried again.
_REQUESTS_A_RECORD = 2

# Outcomes of changes for which no write was even tried, or each one refused.
_NOTHING_SENT = {OutcomeName.SKIPPED, OutcomeName.REJECTED, OutcomeName.FAILED}


class Job(Struct, frozen=True):
    """A plan that may be applied now, and how."""

    plan: Plan
    connection: Connection
    manner: Manner
    folder: Path
    run: Run
    as_events: bool = False
    verbose: bool = False


class State:
    """What is known so far of a run; it is reported however the run ends."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.ended: list[Outcome] = []
        self.caught: list[int] = []
        self.refused = ""
        self.failed: BaseException | None = None
        self.code = int(ExitCode.INCOMPLETE)
        self.error = ""  # why the run ended early, or is not whole

    @property
    def outcomes(self) -> list[Outcome]:
        """How each change ended, as far as it has, in order of address."""
        return sorted(self.ended, key=lambda outcome: outcome.change.address)


def carry_out(job: Job, state: State, terminal: Terminal) -> ExitCode:
    """Writes what the plan says, if anything, and shows how it went."""
    if job.plan.applyable:
        run_coroutine(_write(job, state, terminal))
        return _judged(job, state, terminal)
    if job.as_events:
        terminal.write([apply_events.version(_now()), apply_events.applied((), _now())])
    _tell_unread(job, state, terminal)
    return ExitCode.OK if job.plan.complete else ExitCode.INCOMPLETE


def _tell_unread(job: Job, state: State, terminal: Terminal) -> None:
    lost = len(job.plan.unreadable)
    if lost:
        state.error = f"{how_many(lost)} could not be read when this was planned"
        terminal.note(f"{terminal.paint.removed('error')}: {state.error}")


def _judged(job: Job, state: State, terminal: Terminal) -> ExitCode:
    counts = tally(state.ended)
    if state.refused and not state.caught and _NOTHING_SENT.issuperset(counts):
        raise ApiError(f"{state.refused}: nothing was written")
    if not job.as_events:
        unread = len(job.plan.unreadable)
        shown = apply_text.text(state.outcomes, terminal.paint, unread=unread, verbose=job.verbose)
        terminal.write_lines(["", *shown])
    if state.caught:
        applied = counts.get(OutcomeName.APPLIED, 0)
        skipped = counts.get(OutcomeName.SKIPPED, 0)
        state.error = f"interrupted by {signal.Signals(state.caught[0]).name}"
        terminal.note(f"Interrupted: {applied:,} applied, {skipped:,} not started.")
        return ExitCode(128 + state.caught[0])
    if state.failed is not None and isinstance(state.failed, JournalError):
        state.error = str(state.failed)
        terminal.note(f"{terminal.paint.removed('error')}: {state.error}")
        return ExitCode.INCOMPLETE
    if state.failed is not None:
        raise state.failed
    _tell_unread(job, state, terminal)
    return exit_code(state.ended, complete=job.plan.complete)


def exit_code(outcomes: Sequence[Outcome], *, complete: bool) -> ExitCode:
    """OK only where every change is in place; records left alone are less than records lost."""
    counts = set(tally(outcomes))
    done = {OutcomeName.APPLIED, OutcomeName.ALREADY}
    if not complete or counts - done - {OutcomeName.STALE}:
        return ExitCode.INCOMPLETE
    return ExitCode.STALE if OutcomeName.STALE in counts else ExitCode.OK


async def _write(job: Job, state: State, terminal: Terminal) -> None:
    plan, manner = job.plan, job.manner
    requests = _REQUESTS_A_RECORD * len(plan.changes)
    async with open_api(job.connection, terminal, requests=requests) as link:
        try:
            async with journal_store.opened(
                job.folder, job.run, plan, manner.method, manner.parallelism
            ) as ledger:
                await _write_noted(job, state, terminal, link, ledger)
        except JournalError as error:
            if not state.ended:
                raise
            state.failed = state.failed or error


async def _write_noted(
    job: Job, state: State, terminal: Terminal, link: Link, ledger: Ledger
) -> None:
    plan = job.plan
    speaker = Speaker(terminal) if job.as_events else None
    with terminal.progress("Writing records", len(plan.changes), link.traffic) as step:

        def on_outcome(outcome: Outcome) -> None:
            state.ended.append(outcome)
            step()
            if speaker is not None:
                speaker.say(apply_events.ended(outcome, _now()))

        told = ledger if speaker is None else _Told(ledger, speaker)
        apply = Apply(_means(link, told), job.manner, on_outcome)
        if speaker is not None:
            speaker.start(lambda: apply.stop("nobody reads the output"))
            _announce(plan, speaker)
        span = job.connection.telemetry.span("records.apply")
        with span, _stopped_by_signals(apply, terminal, state.caught):
            await apply.run(plan.changes)
            if speaker is not None:
                speaker.say(apply_events.applied(state.ended, _now()))
                state.failed = await speaker.end(
                    lambda: _HURRY_SECONDS if state.caught else SECONDS_TO_READ
                )
        state.refused = apply.refused


def _announce(plan: Plan, speaker: Speaker) -> None:
    speaker.say(apply_events.version(_now()))
    for change in plan.changes:
        speaker.say(apply_events.planned(change, _now()))
    speaker.say(apply_events.to_make(len(plan.changes), _now()))


def _means(link: Link, ledger: Ledger) -> Means:
    return Means(link.transport, link.budget, link.clock, random.random, ledger)


class _Told:
    """A ledger that also says that a write begins."""

    def __init__(self, inner: Ledger, speaker: Speaker) -> None:
        self._inner = inner
        self._speaker = speaker

    def expect(self, changes: Iterable[Change]) -> None:
        self._inner.expect(changes)

    async def intent(self, change: Change, attempt: int) -> None:
        await self._inner.intent(change, attempt)
        self._speaker.say(apply_events.started(change, _now()))

    def outcome(self, outcome: Outcome) -> None:
        self._inner.outcome(outcome)


@contextmanager
def _stopped_by_signals(apply: Apply, terminal: Terminal, caught: list[int]) -> Generator[None]:
    """The first SIGINT or SIGTERM starts no new write and waits for those in flight, for a while.

    The second one ends the process at once. As process 1 of a container it has no default action,
    so that it has to be handled, too.
    """
    loop = asyncio.get_running_loop()
    both = (signal.SIGINT, signal.SIGTERM)

    def stop(number: signal.Signals) -> None:
        caught.append(number)
        for each in both:
            loop.remove_signal_handler(each)
            signal.signal(each, _leave)
        apply.stop(f"interrupted by {number.name}")
        loop.call_later(SECONDS_TO_FINISH, apply.abandon)
        terminal.note(f"{number.name}: starting no new write, waiting for those in flight ...")

    before = {each: signal.getsignal(each) for each in both}
    for each in both:
        loop.add_signal_handler(each, stop, each)
    try:
        yield
    finally:
        for each in both:
            loop.remove_signal_handler(each)
            # After the first signal, another one ends the run; before it, nothing has changed.
            signal.signal(each, _leave if caught else before[each])


def _leave(number: int, _: object) -> None:
    os._exit(128 + number)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
