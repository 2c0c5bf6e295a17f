"""`reconciler apply`: write what differs; a saved plan is applied exactly, record by record."""

import asyncio
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct

from reconciler.apply import Apply, WriteMethod
from reconciler.commands import Terminal, lines
from reconciler.commands.files import read_plan
from reconciler.commands.opening import open_api
from reconciler.commands.planning import Inputs, make, records
from reconciler.errors import ApiError, ExitCode, PlanFileError, ReconcilerError
from reconciler.model import Outcome, OutcomeName, Plan
from reconciler.pool import run as run_coroutine
from reconciler.render import text
from reconciler.report import tally

QUESTION = """
Do you want to write these changes?
  Only 'yes' will be accepted to approve.

  Enter a value: """


# Outcomes of changes for which no write was even tried, or each one refused.
_NOTHING_SENT = {OutcomeName.SKIPPED, OutcomeName.REJECTED, OutcomeName.FAILED}


class Parameters(Struct, frozen=True):
    """What to apply, and how."""

    inputs: Inputs
    plan: Path | None = None
    method: WriteMethod = "patch"
    auto_approve: bool = False
    on_error: Literal["continue", "stop"] = "continue"


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Plans afresh, shows it and asks; or takes a saved plan, approved when it was reviewed."""
    plan = _plan(parameters, terminal)
    if parameters.plan is None:
        terminal.write(lines(text.plan(plan, terminal.paint, terminal.width)))
    else:
        terminal.write(lines(text.totals(plan, terminal.paint)))
    if not plan.applyable:
        return ExitCode.OK if plan.complete else ExitCode.INCOMPLETE
    asks = parameters.plan is None and not parameters.auto_approve
    if asks and terminal.ask(QUESTION) != "yes":
        raise ReconcilerError("Apply cancelled: nothing was written.")
    return run_coroutine(_apply(plan, parameters, terminal))


def _plan(parameters: Parameters, terminal: Terminal) -> Plan:
    base_url = parameters.inputs.connection.target.base_url
    if parameters.plan is None:
        wanted = records(parameters.inputs, terminal)
        return run_coroutine(make(wanted, parameters.inputs, terminal))
    plan = read_plan(parameters.plan)
    if plan.base_url != base_url:
        raise PlanFileError(
            f"{parameters.plan}: was made for {plan.base_url}, but this run speaks to {base_url}"
        )
    return plan


async def _apply(plan: Plan, parameters: Parameters, terminal: Terminal) -> ExitCode:
    connection = parameters.inputs.connection
    async with open_api(connection, terminal, records=len(plan.changes)) as link:
        with terminal.progress("Writing records", len(plan.changes), link.traffic) as step:
            apply = Apply(
                link.transport,
                method=parameters.method,
                parallelism=connection.parallelism,
                stop_on_error=parameters.on_error == "stop",
                on_outcome=lambda _: step(),
            )
            span = connection.telemetry.span("records.apply")
            with span, _stopped_by_signals(apply, terminal) as caught:
                outcomes = await apply.run(plan)
    if apply.refused and _NOTHING_SENT.issuperset(tally(outcomes)):
        raise ApiError(f"{apply.refused}: nothing was written")
    terminal.write(lines(["", *text.outcomes(outcomes, terminal.paint)]))
    if caught:
        return ExitCode(128 + caught[0])
    return exit_code(outcomes, complete=plan.complete)


def exit_code(outcomes: Sequence[Outcome], *, complete: bool) -> ExitCode:
    """OK only where every change is in place; records left alone are less than records lost."""
    counts = set(tally(outcomes))
    done = {OutcomeName.APPLIED, OutcomeName.ALREADY}
    if not complete or counts - done - {OutcomeName.STALE}:
        return ExitCode.INCOMPLETE
    return ExitCode.STALE if OutcomeName.STALE in counts else ExitCode.OK


@contextmanager
def _stopped_by_signals(apply: Apply, terminal: Terminal) -> Generator[list[int]]:
    """The first SIGINT or SIGTERM starts no new write and waits for those in flight."""
    caught: list[int] = []
    loop = asyncio.get_running_loop()
    both = (signal.SIGINT, signal.SIGTERM)

    def stop(number: signal.Signals) -> None:
        caught.append(number)
        for each in both:  # the second one ends the process, as anybody at the keyboard expects
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        apply.stop(f"interrupted by {number.name}")
        terminal.note(f"{number.name}: starting no new write, waiting for those in flight ...")

    for each in both:
        loop.add_signal_handler(each, stop, each)
    try:
        yield caught
    finally:
        for each in both:
            loop.remove_signal_handler(each)
