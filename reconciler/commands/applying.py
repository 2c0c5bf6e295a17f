"""A plan -> outcomes, with all that a run owes its operator: journal, signals, events, reports."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct, structs

from reconciler import __version__, result
from reconciler.apply import Apply, Manner, Means
from reconciler.commands import REPORT_WIDTH, Terminal, journals, lines, reports
from reconciler.commands.audit import who
from reconciler.commands.files import PRIVATE, write_whole
from reconciler.commands.journals import Run, Unfinished
from reconciler.commands.opening import Connection, Link, open_api
from reconciler.commands.reports import Reports
from reconciler.errors import ApiError, ExitCode, ReconcilerError
from reconciler.journal import JournalError, Ledger
from reconciler.model import Address, Change, Outcome, OutcomeName, Plan
from reconciler.pool import run as run_coroutine
from reconciler.render import events, text
from reconciler.render.paint import Paint
from reconciler.report import tally

# A CI system kills what has not ended 7.5 s after its first signal: reports take the rest.
SECONDS_TO_FINISH = 6.0

# Reads and a write a record: a tenth of them may be tried again.
_REQUESTS_A_RECORD = 2

# Outcomes of changes for which no write was even tried, or each one refused.
_NOTHING_SENT = {OutcomeName.SKIPPED, OutcomeName.REJECTED, OutcomeName.FAILED}


class Job(Struct, frozen=True):
    """A plan that may be applied now, and how; `left` are the runs that ended without a word."""

    plan: Plan
    connection: Connection
    manner: Manner
    folder: Path
    run: Run
    left: tuple[Unfinished, ...] = ()
    reports: Reports = ()
    as_events: bool = False
    verbose: bool = False
    environment: Mapping[str, str] = {}


class State:
    """What is known so far of a run; it is reported however the run ends."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.outcomes: list[Outcome] = []
        self.caught: list[int] = []
        self.refused = ""
        self.code = ExitCode.INCOMPLETE


def carry_out(job: Job, state: State, terminal: Terminal) -> ExitCode:
    """Writes what the plan says, if anything, and shows how it went."""
    if not job.plan.applyable:
        run_coroutine(_close(job))
        return ExitCode.OK if job.plan.complete else ExitCode.INCOMPLETE
    run_coroutine(_write(job, state, terminal))
    return _judged(job, state, terminal)


def _judged(job: Job, state: State, terminal: Terminal) -> ExitCode:
    counts = tally(state.outcomes)
    if state.refused and _NOTHING_SENT.issuperset(counts):
        raise ApiError(f"{state.refused}: nothing was written")
    if job.as_events:
        terminal.write([events.applied(state.outcomes, _now())])
    else:
        shown = text.outcomes(state.outcomes, terminal.paint, verbose=job.verbose)
        terminal.write(lines(["", *shown]))
    if state.caught:
        applied = counts.get(OutcomeName.APPLIED, 0)
        skipped = counts.get(OutcomeName.SKIPPED, 0)
        terminal.note(f"Interrupted: {applied:,} applied, {skipped:,} not started.")
        return ExitCode(128 + state.caught[0])
    return exit_code(state.outcomes, complete=job.plan.complete)


def exit_code(outcomes: Sequence[Outcome], *, complete: bool) -> ExitCode:
    """OK only where every change is in place; records left alone are less than records lost."""
    counts = set(tally(outcomes))
    done = {OutcomeName.APPLIED, OutcomeName.ALREADY}
    if not complete or counts - done - {OutcomeName.STALE}:
        return ExitCode.INCOMPLETE
    return ExitCode.STALE if OutcomeName.STALE in counts else ExitCode.OK


async def _write(job: Job, state: State, terminal: Terminal) -> None:
    plan = job.plan
    first = journals.in_flight(list(job.left), plan)
    requests = _REQUESTS_A_RECORD * len(plan.changes)
    try:
        async with (
            open_api(job.connection, terminal, requests=requests) as link,
            journals.opened(job.folder, job.run, plan, job.manner.method) as ledger,
        ):
            if job.as_events:
                terminal.write([events.version(_now())])
                terminal.write(events.planned(change, _now()) for change in plan.changes)
                terminal.write([events.to_make(len(plan.changes), _now())])
            with terminal.progress("Writing records", len(plan.changes), link.traffic) as step:
                told = _Told(ledger, terminal) if job.as_events else ledger

                def on_outcome(outcome: Outcome) -> None:
                    step()
                    if job.as_events:
                        terminal.write([events.ended(outcome, _now())])

                apply = Apply(_means(link, told), job.manner, on_outcome)
                span = job.connection.telemetry.span("records.apply")
                with span, _stopped_by_signals(apply, terminal, state.caught):
                    outcomes = await apply.run(plan.changes, first)
                state.refused = apply.refused
                state.outcomes = [_recalled(outcome, first) for outcome in outcomes]
            await _close(job)
    except JournalError as error:
        if not state.outcomes:
            raise
        terminal.note(f"{terminal.paint.removed('error')}: {error}")


async def _close(job: Job) -> None:
    """What earlier runs left is looked after now."""
    for each in job.left:
        await journals.close(each, job.run)


def _recalled(outcome: Outcome, first: Mapping[Address, Unfinished]) -> Outcome:
    """An outcome that also says what became of a write that nobody had seen the end of."""
    earlier = first.get(outcome.change.address)
    if earlier is None:
        return outcome
    there = outcome.name is OutcomeName.ALREADY
    what = "it is in place" if there else "it was not in place"
    said = f"in flight when the run of {earlier.started} ended without a word: {what}"
    detail = f"{said}; {outcome.detail}" if outcome.detail else said
    return structs.replace(outcome, detail=detail)


def _means(link: Link, ledger: Ledger) -> Means:
    return Means(link.transport, link.budget, link.clock, random.random, ledger)


class _Told:
    """A ledger that also says that a write begins."""

    def __init__(self, inner: Ledger, terminal: Terminal) -> None:
        self._inner = inner
        self._terminal = terminal

    async def intent(self, change: Change, attempt: int) -> None:
        await self._inner.intent(change, attempt)
        self._terminal.write([events.started(change, _now())])

    def outcome(self, outcome: Outcome) -> None:
        self._inner.outcome(outcome)


def report(job: Job, state: State, terminal: Terminal) -> ExitCode:
    """Writes the reports that were asked for, and the audit record beside the journal.

    The exit code is the run's own, unless that would hide that a report could not be written.
    """
    journal = job.folder / f"{job.run.stem}.jsonl"
    ran = result.Ran(
        run=job.run.name,
        version=__version__,
        started=job.run.started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - state.begun, 3),
        exit_code=int(state.code),
        method=job.manner.method,
        journal=journal.as_posix(),
        by=who(job.environment),
    )
    try:
        reports.write(
            job.reports,
            {
                "json": lambda: result.document(job.plan, state.outcomes, ran),
                "text": lambda: _text(job.plan, state.outcomes),
            },
        )
        if journal.exists():
            record = result.audit(job.plan, state.outcomes, ran)
            write_whole(journal.with_suffix(".json"), record, mode=PRIVATE)
    except ReconcilerError as error:
        terminal.note(f"{terminal.paint.removed('error')}: {error}")
        return ExitCode.ERROR if state.code is ExitCode.OK else state.code
    return state.code


def _text(plan: Plan, outcomes: Sequence[Outcome]) -> Iterable[str]:
    plain = Paint(on=False)
    shown = text.plan(plan, plain, REPORT_WIDTH)
    return lines([*shown, "", *text.outcomes(outcomes, plain, verbose=True)])


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

    for each in both:
        loop.add_signal_handler(each, stop, each)
    try:
        yield
    finally:
        for each in both:
            loop.remove_signal_handler(each)


def _leave(number: int, _: object) -> None:
    os._exit(128 + number)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
