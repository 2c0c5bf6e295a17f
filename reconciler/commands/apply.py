"""`reconciler apply`: makes a plan and asks, or takes a saved one as it is; then writes it."""

import asyncio
import shlex
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from reconciler.applying import applied_ref, journal_lock, journal_store
from reconciler.applying.approval import Approval
from reconciler.applying.executor import ApplyOptions, WriteMethod
from reconciler.applying.journal_format import JournalError
from reconciler.applying.journal_store import Run
from reconciler.applying.recovery import recover, write_audit
from reconciler.client.connection import Client, Connection, connected
from reconciler.commands import report_files
from reconciler.commands.apply_output import ApplyEvents, ApplyOutput, recovery_lines
from reconciler.commands.apply_reports import RunRecord, report
from reconciler.commands.apply_run import ApplyRequest, ApplyResult, apply_run, exit_code
from reconciler.commands.plan_output import account_words, say_kept
from reconciler.commands.plan_run import PlanInputs, make, prepare
from reconciler.commands.saved_plan import check_partner, open_plan
from reconciler.commands.terminal import Terminal
from reconciler.errors import (
    BROKEN_PIPE,
    ApiError,
    ExitCode,
    NoRepositoryError,
    ReaderGoneError,
    ReconcilerError,
    RefusedError,
)
from reconciler.files import JOURNALS
from reconciler.git import Repository
from reconciler.model import OutcomeName, Plan, short_commit
from reconciler.planning.guards.registry import allow_flag
from reconciler.planning.summary import tally
from reconciler.review.colours import Paint
from reconciler.review.report import make_report
from reconciler.review.text import apply_text, plan_text, problems_text
from reconciler.review.text.plan_text import Detail
from reconciler.wording import plural

QUESTION = """
Do you want to write these changes?
  Only 'yes' will be accepted to approve.

  Enter a value: """


class Parameters(Struct, frozen=True):
    """The options of `apply`."""

    inputs: PlanInputs
    """The input of a new plan; for a saved one only the manifests and raised limits are used."""
    connection: Connection
    """How to reach the API that is written to."""
    run: str
    """The name of this run, in journals and in the API's logs."""
    plan: Path | None = None
    """The file of a saved plan; None to make a new plan."""
    method: WriteMethod = "patch"
    """Whether to send `user_data` alone or the whole object."""
    auto_approve: bool = False
    """Whether to write without asking."""
    on_error: Literal["continue", "stop"] = "continue"
    """Whether the first failure stops the changes that have not begun."""
    expect: str | None = None
    """The digest or the file of the approved plan; None if the plan need not be an approved one."""
    record: bool | None = None
    """Whether to record the commit as applied, if all of it was: it is the next base.

    None: where there is a git repository.
    """
    journal: Path = JOURNALS
    """The folder of journals."""
    reports: tuple[str, ...] = ()
    """Reports to write, each `FORMAT=FILE`, as in `json=result.json`."""
    format: Literal["text", "json"] = "text"
    """The format of stdout: text, or JSON with one event per line."""
    detail: Detail = "grouped"
    """How much of each change is shown."""
    environment: Mapping[str, str] = {}
    """Environment variables: CI systems name there the actor and the file of a step's outputs."""


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Makes a plan, shows it and asks, or takes a saved plan; writes it; returns the exit code.

    Reports and the audit record are written in every case, also if an exception ends the run.
    Raises RefusedError, MovedError or ReconcilerError if the plan may not be written, ApiError if
    the API cannot be used, UsageError for a bad --report or --expect.
    """
    # Before the lock and the first request: a bad --report must not be found after the writes.
    wanted = report_files.parse_reports(
        parameters.reports, report_files.OF_AN_APPLY, parameters.plan
    )
    approval = _approval(parameters)
    # Before the plan: a commit that another run records meanwhile must not be replaced.
    before = applied_ref.recorded(parameters.inputs.manifests, parameters.connection.account)
    folder = parameters.journal
    record = RunRecord(
        Run(parameters.run, datetime.now(UTC)),
        time.monotonic(),
        folder,
        parameters.method,
        parameters.connection.base_url,
        parameters.inputs.manifests.tree.root,
        parameters.environment,
        None if approval is None else approval.digest,
    )
    try:
        with (
            # The lock comes first: to `recover`, the journal of a running apply looks unfinished.
            journal_lock.lock_folder(folder),
            connected(parameters.connection) as (loop, client),
        ):
            step = _Apply(parameters, approval, record, loop, client, terminal)
            # Before the plan: a damaged journal has to stop the run while nothing is written.
            step.recover()
            step.plan()
            step.write()
    # Ctrl-C and SIGTERM raise KeyboardInterrupt, and the report has to show 130 or 143.
    except BaseException as error:
        record.code, record.error = _why(error, terminal)
        raise
    finally:
        code = report(record, wanted, terminal)
    # After a partial apply the base would equal git, and every change that is still missing would
    # look like drift.
    if parameters.record is not False and record.code == ExitCode.OK:
        _record(record.plan, parameters, before, terminal)
    return ExitCode(code)


class _Apply(Struct, frozen=True):
    """The steps of one `apply`: `recover`, `plan`, `write`, in this order.

    Each step keeps its results in the record, so that a report can be written if a later one fails.
    """

    parameters: Parameters
    """The options of the command."""
    approval: Approval | None
    """The approved plan (--expect); None without it."""
    record: RunRecord
    """The results so far, for reports."""
    loop: asyncio.Runner
    """The event loop of the run."""
    client: Client
    """The client of the API."""
    terminal: Terminal
    """Where the plan, questions and messages go."""

    def recover(self) -> None:
        """Reads the records that interrupted runs may have been writing, and reports each of them.

        Raises JournalError if a journal is damaged or cannot be read, or if git tracks one.
        """
        _refuse_tracked(self.parameters.journal, self.parameters.inputs.manifests.tree.root)
        base_url = self.client.connection.base_url
        for unfinished in tuple(journal_store.unfinished(self.parameters.journal)):
            # Only its own API can show the value of a record; the journal stays open until then.
            if unfinished.history.begun.base_url != base_url:
                continue
            recovered = self.loop.run(recover(unfinished, self.client, self.record.run))
            if recovered.complete and not recovered.error:
                write_audit(unfinished, recovered, self.record.run)
            for line in recovery_lines(recovered, self.terminal.note_paint):
                self.terminal.note(line)

    def plan(self) -> None:
        """Makes or reads the plan, shows it, and asks for approval unless it was approved before.

        Raises RefusedError if a guard or a conflict stops it, MovedError if it is not the approved
        plan, ReconcilerError if the answer is not `yes`.
        """
        saved = self.parameters.plan
        if saved is None:
            plan = self._fresh()
            self._show(self._whole(plan))
        else:
            inputs, connection = self.parameters.inputs, self.parameters.connection
            plan = open_plan(saved, inputs, connection, expected=self.approval is not None)
            # A saved plan was shown at its review; only conflicts, which stop it, are shown again.
            totals = plan_text.totals(plan, self._paint)
            self._show(self._whole(plan) if plan.conflicts else totals)
        # Stored before the checks below: the report of a refused run contains the plan.
        self.record.plan = plan
        if self.approval is not None and not self.approval.check(plan):
            self.terminal.note("Part of the approved plan is already in place; this is the rest.")
        _refuse(plan)
        asks = saved is None and self.approval is None and not self.parameters.auto_approve
        if plan.applyable and asks and self.terminal.ask(QUESTION) != "yes":
            raise ReconcilerError("Apply cancelled: nothing was written.")

    def write(self) -> None:
        """Writes the plan, shows the outcomes, and sets the exit code of the record."""
        plan, record = self._planned, self.record
        if not plan.applyable:
            if self.parameters.format == "json":
                # A reader expects `version` and `change_summary` also if there are no changes.
                ApplyEvents(self.terminal, plan).nothing_to_do()
            self._tell_unread(plan)
            record.code = ExitCode.OK if plan.complete else ExitCode.INCOMPLETE
            return
        events = self.parameters.format == "json"
        output = (ApplyEvents if events else ApplyOutput)(self.terminal, plan)
        # Stored before the writes: if an exception ends them, the report has the outcomes so far.
        record.output = output
        if self.parameters.plan is not None:
            self.loop.run(check_partner(plan, self.client))
        stop_on_error = self.parameters.on_error == "stop"
        parallelism = self.client.connection.parallelism
        options = ApplyOptions(self.parameters.method, parallelism, stop_on_error=stop_on_error)
        request = ApplyRequest(plan, options, self.parameters.journal, record.run)
        result = self.loop.run(apply_run(request, self.client, output))
        record.code = self._judge(plan, result, output)

    @property
    def _planned(self) -> Plan:
        """The plan that the step `plan` made."""
        if self.record.plan is None:
            raise RuntimeError("there is no plan yet")
        return self.record.plan

    def _fresh(self) -> Plan:
        """Makes a new plan.

        Raises MovedError if it would apply, by --since, a commit older than the last applied one.
        """
        inputs = self.parameters.inputs
        if inputs.comparison.since is not None:
            # If a pipeline runs the job of an older commit again, --since would write values that a
            # later commit took back.
            applied_ref.keep_order(inputs.manifests, self.client.connection.account)
        prepared = prepare(inputs, self.client)
        for line in problems_text.text(prepared.warnings, self.terminal.note_paint):
            self.terminal.note(line)
        if self.approval is not None:
            watched = self.approval.watching(prepared.wanted)
            prepared = structs.replace(prepared, wanted=watched)
        plan = self.loop.run(make(prepared, inputs, self.client, self.terminal.progress))
        say_kept(inputs.comparison.choices, self.terminal)
        return plan

    @property
    def _paint(self) -> Paint:
        """Colours of the stream that the plan is shown on (`_show`)."""
        terminal = self.terminal
        return terminal.paint if self.parameters.format == "text" else terminal.note_paint

    def _whole(self, plan: Plan) -> Iterator[str]:
        width, detail = self.terminal.width, self.parameters.detail
        return plan_text.plan(make_report(plan), self._paint, width, detail=detail)

    def _show(self, lines: Iterator[str]) -> None:
        if self.parameters.format == "text":
            self.terminal.write_lines(lines)
            return
        # stdout is for events; the person who approves sees the plan on stderr.
        for line in lines:
            self.terminal.note(line)

    def _judge(self, plan: Plan, result: ApplyResult, output: ApplyOutput) -> ExitCode:
        """Shows the outcomes and returns the exit code.

        Raises ApiError if the token was refused before anything was written.
        """
        terminal, record = self.terminal, self.record
        # Nothing was written, so the exit code is 1 and not 4 (docs/applying.md, One record).
        if result.refused and not output.received and result.nothing_was_written:
            raise ApiError(f"{result.refused}: nothing was written")
        if self.parameters.format == "text":
            shown = apply_text.text(
                result.outcomes,
                terminal.paint,
                unread=len(plan.unreadable),
                verbose=self.parameters.detail == "verbose",
            )
            terminal.write_lines(["", *shown])
        counts = tally(result.outcomes)
        if record.journal.exists() and set(counts) & {OutcomeName.APPLIED, OutcomeName.UNKNOWN}:
            words = ["rollback", *account_words(plan), str(record.journal)]
            undo = terminal.command(*words, "--out", "back.json")
            terminal.note(f"Journal: {record.journal}. To undo it, plan that: {undo}")
        if output.received:
            applied = counts.get(OutcomeName.APPLIED, 0)
            skipped = counts.get(OutcomeName.SKIPPED, 0)
            record.error = f"interrupted by {output.received[0].name}"
            terminal.note(f"Interrupted: {applied:,} applied, {skipped:,} not started.")
            # Before lost events are raised: after a signal the wait for the reader is short.
            return ExitCode(128 + output.received[0])
        if output.failure is not None:
            raise output.failure
        if result.journal_failure is not None:
            record.error = str(result.journal_failure)
            terminal.note(f"{terminal.note_paint.removed('error')}: {record.error}")
            return ExitCode.INCOMPLETE
        self._tell_unread(plan)
        return exit_code(result.outcomes, complete=plan.complete)

    def _tell_unread(self, plan: Plan) -> None:
        """Reports how many records the plan does not cover because they could not be read."""
        lost = len(plan.unreadable)
        if lost:
            self.record.error = f"{plural(lost, 'record')} could not be read when this was planned"
            self.terminal.note(f"{self.terminal.note_paint.removed('error')}: {self.record.error}")


def _refuse_tracked(folder: Path, root: Path) -> None:
    """Raises JournalError if git tracks a file in the folder of journals.

    Journals come from runs of this machine and never from a commit, in which anyone could forge
    one.
    """
    try:
        git = Repository(root)
    except ReconcilerError:
        return
    if git.tracks(folder):
        raise JournalError(
            f"{folder}: git tracks files there, and journals never come from a commit; look at "
            f"them, then take them out: git rm -r --cached {shlex.quote(str(folder))}"
        )


def _why(error: BaseException, terminal: Terminal) -> tuple[int, str]:
    """The exit code and the reason for the report of a run that an exception ended."""
    if isinstance(error, ReconcilerError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        code = ExitCode.TERMINATED if terminal.terminated else ExitCode.INTERRUPTED
        return code, "interrupted"
    if isinstance(error, ReaderGoneError):
        return BROKEN_PIPE, "the reader of the output went away"
    return ExitCode.BUG, type(error).__name__


def _approval(parameters: Parameters) -> Approval | None:
    """The approved plan of --expect; None without it."""
    if parameters.expect is None:
        return None
    return Approval(parameters.expect, parameters.connection.base_url)


def _refuse(plan: Plan) -> None:
    """Raises RefusedError if the plan holds a conflict or a guard refuses it.

    The rest of the plan is not written either: a part of a plan was never reviewed.
    """
    # Conflicts come first: --allow cannot settle them.
    if plan.conflicts:
        raise RefusedError(
            f"{plural(len(plan.conflicts), 'conflict')} in the plan (above): nothing was written; "
            "plan again with --resolve for each of them, or leave the records out with --exclude"
        )
    refusing = [guard_result for guard_result in plan.guards if not guard_result.ok]
    if refusing:
        names = ", ".join(guard_result.guard for guard_result in refusing)
        flags = " ".join(allow_flag(guard_result) for guard_result in refusing)
        raise RefusedError(
            f"refused by {names} (above): nothing was written; to allow it once: {flags}"
        )


def _record(
    plan: Plan | None, parameters: Parameters, before: str | None, terminal: Terminal
) -> None:
    """Records the commit as applied. If it cannot be recorded, prints why; the apply succeeded."""
    if plan is None:
        return
    account = parameters.connection.account
    saved = parameters.plan is not None
    try:
        head = applied_ref.record(
            plan, parameters.inputs.manifests, account, saved=saved, before=before
        )
    except ReconcilerError as error:
        # Without git there is no base and nothing to record, unless it was asked for.
        if isinstance(error, NoRepositoryError) and parameters.record is None:
            return
        terminal.note(f"Not recorded: {error}.")
    else:
        terminal.note(f"Recorded {short_commit(head)} as applied to {account}: the next base.")
