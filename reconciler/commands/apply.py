"""`reconciler apply`: write what differs; a saved plan is applied exactly, record by record."""

import asyncio
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from reconciler import history, policies
from reconciler.apply import Apply, WriteMethod
from reconciler.commands import Terminal, expecting, lines
from reconciler.commands.files import read_plan
from reconciler.commands.opening import open_api
from reconciler.commands.planning import Inputs, Task, make, task
from reconciler.errors import ApiError, ExitCode, PlanFileError, ReconcilerError, RefusedError
from reconciler.model import Outcome, OutcomeName, Plan, short
from reconciler.pool import run as run_coroutine
from reconciler.render import text
from reconciler.report import tally
from reconciler.revision import APPLIED

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
    expect: str | None = None
    record: bool = False


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Plans afresh, shows it and asks; or takes a saved plan, approved when it was reviewed."""
    approved = None if parameters.expect is None else expecting.approval(parameters.expect)
    fresh: Task | None = None
    if parameters.plan is None:
        fresh = task(parameters.inputs, terminal)
        plan = run_coroutine(make(fresh, parameters.inputs, terminal))
        terminal.write(lines(text.plan(plan, terminal.paint, terminal.width)))
    else:
        plan = _saved(parameters.plan, parameters.inputs)
        terminal.write(lines(text.totals(plan, terminal.paint)))
    if approved is not None:
        expecting.check(plan, approved, None if fresh is None else fresh.wanted, terminal)
    _refuse(plan)
    code = ExitCode.OK if plan.complete else ExitCode.INCOMPLETE
    if plan.applyable:
        asks = fresh is not None and approved is None and not parameters.auto_approve
        if asks and terminal.ask(QUESTION) != "yes":
            raise ReconcilerError("Apply cancelled: nothing was written.")
        code = run_coroutine(_apply(plan, parameters, terminal))
    if parameters.record and code is ExitCode.OK:
        _record(plan, parameters, terminal)
    return code


def _saved(file: Path, inputs: Inputs) -> Plan:
    plan = read_plan(file)
    base_url = inputs.connection.target.base_url
    if plan.base_url != base_url:
        raise PlanFileError(
            f"{file}: was made for {plan.base_url}, but this run speaks to {base_url}"
        )
    return structs.replace(plan, guards=policies.again(plan, inputs.allowed))


def _refuse(plan: Plan) -> None:
    """A conflict or a guard stops everything: half of a plan is not what anybody reviewed."""
    if plan.conflicts:
        count = "a conflict" if len(plan.conflicts) == 1 else f"{len(plan.conflicts):,} conflicts"
        raise RefusedError(
            f"{count} in the plan (above): nothing was written; plan again with --resolve for "
            "each, or leave the records out with --exclude"
        )
    refusing = [verdict for verdict in plan.guards if not verdict.ok]
    if refusing:
        names = ", ".join(verdict.guard for verdict in refusing)
        flags = " ".join(policies.way_out(verdict) for verdict in refusing)
        raise RefusedError(
            f"refused by {names} (above): nothing was written; if it is meant: {flags}"
        )


def _record(plan: Plan, parameters: Parameters, terminal: Terminal) -> None:
    """Notes the commit as applied, if the records now hold all that it says."""
    scope, head = plan.scope, plan.revisions.head
    if head is None:
        terminal.note("Not recorded: the manifests are not those of a commit.")
        return
    git = history.repository(parameters.inputs.manifests.paths)
    narrowed = scope.target or scope.exclude or scope.only or plan.left
    if narrowed or scope.since not in (None, git.known(APPLIED)):
        terminal.note("Not recorded: a part of the records was not looked at, or left out.")
    else:
        git.record(head)
        terminal.note(f"Recorded {short(head)} as applied, for --base auto.")


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
