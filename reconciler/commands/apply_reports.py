"""How a run ended -> its reports and its audit record, however it ended."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from reconciler import __version__
from reconciler.applying import result_file
from reconciler.applying.actor import who
from reconciler.applying.journal_store import Run
from reconciler.commands import report_files
from reconciler.commands.apply_run import State
from reconciler.commands.report_files import Reports
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError
from reconciler.escape import visible
from reconciler.files import PRIVATE, append, write_whole
from reconciler.model import Plan
from reconciler.review import apply_text as outcome_lines
from reconciler.review import github_workflow, plan_text
from reconciler.review.colours import Paint
from reconciler.review.formats import REPORT_WIDTH, SUMMARY_BYTES
from reconciler.review.markdown import apply_result
from reconciler.review.report import gather


class Told(Struct, frozen=True):
    """What is told of a run; without a plan, it ended before there was one.

    `expected` is the digest that was approved, if one was named.
    """

    run: Run
    journal: Path
    method: str
    base_url: str
    plan: Plan | None
    environment: Mapping[str, str]
    expected: str | None = None


def report(told: Told, state: State, wanted: Reports, terminal: Terminal) -> int:
    """Writes the reports that were asked for, and the audit record beside the journal.

    The exit code is the run's own, unless that would hide that something could not be written.
    """
    ran = result_file.Ran(
        run=told.run.name,
        version=__version__,
        started=told.run.started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - state.begun, 3),
        exit_code=int(state.code),
        method=told.method,
        journal=result_file.plain(told.journal.as_posix()),
        base_url=told.base_url,
        error=state.error,
        expected=told.expected,
        by=who(told.environment),
    )
    outcomes = state.outcomes
    try:
        room = SUMMARY_BYTES - report_files.held("github", wanted)
        failures = report_files.write(
            wanted,
            {
                "json": lambda: result_file.document(told.plan, outcomes, ran),
                "text": lambda: _text(told, state),
                "github": lambda: [apply_result.page(told.plan, outcomes, state.error, most=room)],
            },
        )
        outputs = told.environment.get("GITHUB_OUTPUT")
        if outputs and report_files.asked_for(wanted, "github"):
            append(Path(outputs), [github_workflow.ended(told.plan, outcomes)])
        if outcomes or told.journal.exists():
            _check_there(told.journal)
            record = result_file.audit(told.plan, outcomes, ran)
            write_whole(told.journal.with_suffix(".json"), record, mode=PRIVATE)
        if failures:
            raise failures[0]
    except ReconcilerError as error:
        terminal.note(f"{terminal.paint.removed('error')}: {visible(str(error))}")
        return int(ExitCode.ERROR) if state.code == ExitCode.OK else state.code
    return state.code


def _check_there(journal: Path) -> None:
    if not journal.exists():
        raise ReconcilerError(f"{journal}: somebody removed the journal of this run")


def _text(told: Told, state: State) -> Iterable[str]:
    plain = Paint(on=False)
    shown: list[str] = []
    if told.plan is not None:
        shown += [*plan_text.plan(gather(told.plan), plain, REPORT_WIDTH, detail="verbose"), ""]
    if state.ended:
        shown += outcome_lines.text(
            state.outcomes,
            plain,
            unread=0 if told.plan is None else len(told.plan.unreadable),
            verbose=True,
        )
    if state.error:
        shown.append(f"error: {visible(state.error)}")
    return (f"{line}\n" for line in shown)
