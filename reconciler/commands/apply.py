"""`reconciler apply`: write what differs; a saved plan is applied exactly, record by record."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from reconciler.applying import journal_store
from reconciler.applying.approval import Approval
from reconciler.applying.executor import Manner, WriteMethod
from reconciler.applying.journal_store import Run
from reconciler.client.concurrency import run as run_coroutine
from reconciler.commands import report_files
from reconciler.commands.apply_reports import Told, report
from reconciler.commands.apply_run import Job, State, carry_out
from reconciler.commands.plan_run import Inputs, Task, make, task
from reconciler.commands.recording import keep_order, record
from reconciler.commands.recovering import look_after
from reconciler.commands.terminal import Terminal
from reconciler.errors import (
    BROKEN_PIPE,
    ExitCode,
    PlanFileError,
    ReaderGoneError,
    ReconcilerError,
    RefusedError,
)
from reconciler.model import Plan
from reconciler.planning import guards
from reconciler.planning.plan_file import read_plan
from reconciler.review import plan_text
from reconciler.review.plan_text import Detail
from reconciler.review.report import gather

QUESTION = """
Do you want to write these changes?
  Only 'yes' will be accepted to approve.

  Enter a value: """


class Parameters(Struct, frozen=True):
    """What to apply, and how."""

    inputs: Inputs
    plan: Path | None = None
    method: WriteMethod = "patch"
    auto_approve: bool = False
    on_error: Literal["continue", "stop"] = "continue"
    expect: str | None = None
    record: bool = False
    journal: Path = journal_store.FOLDER
    reports: tuple[str, ...] = ()
    format: Literal["text", "json"] = "text"
    detail: Detail = "grouped"
    environment: Mapping[str, str] = {}


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Plans afresh, shows it and asks; or takes a saved plan, approved when it was reviewed."""
    wanted = report_files.wanted(parameters.reports, report_files.OF_AN_APPLY, parameters.plan)
    approved = _approval(parameters)
    connection, folder = parameters.inputs.connection, parameters.journal
    state, run = State(), Run(connection.run, datetime.now(UTC))
    plan: Plan | None = None
    try:
        with journal_store.locked(folder):
            look_after(tuple(journal_store.unfinished(folder)), connection, run, terminal)
            plan, fresh = _plan(parameters, approved, terminal)
            if approved is not None and not approved.check(plan):
                terminal.note(
                    "A part of what was approved is in place already; this is the rest of it."
                )
            _refuse(plan)
            if plan.applyable and fresh is not None and approved is None:
                _ask(parameters, terminal)
            state.code = carry_out(_job(plan, run, parameters), state, terminal)
    except BaseException as error:
        state.code, state.error = _why(error, terminal)
        raise
    finally:
        told = Told(
            run,
            folder / f"{run.stem}.jsonl",
            parameters.method,
            connection.target.base_url,
            plan,
            parameters.environment,
            None if approved is None else approved.digest,
        )
        code = report(told, state, wanted, terminal)
    if parameters.record and code == ExitCode.OK:
        record(plan, parameters.inputs, terminal, saved=parameters.plan is not None)
    return ExitCode(code)


def _why(error: BaseException, terminal: Terminal) -> tuple[int, str]:
    """How a run ends that something ended, for its report."""
    if isinstance(error, ReconcilerError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        code = ExitCode.TERMINATED if terminal.terminated else ExitCode.INTERRUPTED
        return code, "interrupted"
    if isinstance(error, ReaderGoneError):
        return BROKEN_PIPE, "nobody reads the output"
    return ExitCode.BUG, type(error).__name__


def _ask(parameters: Parameters, terminal: Terminal) -> None:
    if not parameters.auto_approve and terminal.ask(QUESTION) != "yes":
        raise ReconcilerError("Apply cancelled: nothing was written.")


def _job(plan: Plan, run: Run, parameters: Parameters) -> Job:
    connection = parameters.inputs.connection
    stops = parameters.on_error == "stop"
    return Job(
        plan,
        connection,
        Manner(parameters.method, connection.parallelism, stop_on_error=stops),
        parameters.journal,
        run,
        as_events=parameters.format == "json",
        verbose=parameters.detail == "verbose",
    )


def _approval(parameters: Parameters) -> Approval | None:
    if parameters.expect is None:
        return None
    return Approval(parameters.expect, parameters.inputs.connection.target.base_url)


def _plan(
    parameters: Parameters, approved: Approval | None, terminal: Terminal
) -> tuple[Plan, Task | None]:
    """The plan, and what it was made of if it was not a saved one; shown, but for events."""
    fresh: Task | None = None
    if parameters.plan is None:
        keep_order(parameters.inputs)
        fresh = task(parameters.inputs, terminal)
        if approved is not None:
            fresh = structs.replace(fresh, wanted=approved.watching(fresh.wanted))
        plan = run_coroutine(make(fresh, parameters.inputs, terminal))
        shown = _whole(plan, parameters, terminal)
    else:
        plan = _saved(parameters.plan, parameters.inputs)
        # It was seen when it was reviewed; what stops it has to be seen now.
        shown = (
            _whole(plan, parameters, terminal)
            if plan.conflicts
            else plan_text.totals(plan, terminal.paint)
        )
    if parameters.format == "text":
        terminal.write_lines(shown)
    else:
        # stdout is for events; what somebody is asked to approve has to be seen all the same.
        for line in shown:
            terminal.note(line)
    return plan, fresh


def _whole(plan: Plan, parameters: Parameters, terminal: Terminal) -> Iterator[str]:
    return plan_text.plan(gather(plan), terminal.paint, terminal.width, detail=parameters.detail)


def _saved(file: Path, inputs: Inputs) -> Plan:
    plan = read_plan(file)
    base_url = inputs.connection.target.base_url
    if plan.base_url != base_url:
        raise PlanFileError(
            f"{file}: was made for {plan.base_url}, but this run speaks to {base_url}: set "
            "CARRIERX_BASE_URL, or give --sandbox for a plan of the sandbox"
        )
    return structs.replace(plan, guards=guards.again(plan, inputs.allowed))


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
        flags = " ".join(guards.way_out(verdict) for verdict in refusing)
        raise RefusedError(
            f"refused by {names} (above): nothing was written; if it is meant: {flags}"
        )
