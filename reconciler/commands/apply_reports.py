"""The record of a run, successful or not -> its reports and its audit record."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from reconciler import __version__
from reconciler.applying import result_file
from reconciler.applying.actor import actor_of
from reconciler.applying.journal_store import Run
from reconciler.commands import report_files
from reconciler.commands.apply_output import ApplyOutput
from reconciler.commands.report_files import Reports
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError
from reconciler.escape.text import visible
from reconciler.files import PRIVATE, append, write_whole
from reconciler.model import Outcome, Plan
from reconciler.review import github_workflow
from reconciler.review.colours import Paint
from reconciler.review.formats import REPORT_WIDTH, SUMMARY_BYTES
from reconciler.review.markdown import apply_result
from reconciler.review.report import make_report
from reconciler.review.text import apply_text, plan_text


class RunRecord(Struct):
    """The results of a run so far, reported also if an exception ends it. `apply` fills it in."""

    run: Run
    """The name and the start of the run."""
    begun: float
    """`time.monotonic()` at the start."""
    folder: Path
    """The folder of journals."""
    method: str
    """How values are sent: `patch` or `put`."""
    base_url: str
    """The address of the API."""
    root: Path
    """The project's root folder; git there names the person who commits."""
    environment: Mapping[str, str]
    """Environment variables: CI systems name the actor there."""
    expected: str | None = None
    """The digest of the approved plan (--expect); None without it."""
    plan: Plan | None = None
    """The plan; None until it is made or read."""
    output: ApplyOutput | None = None
    """Holds the outcomes so far; None until the writes begin."""
    code: int = int(ExitCode.INCOMPLETE)
    """The exit code of the run, or 128 + the number of a signal."""
    error: str = ""
    """Why the run ended early or is not complete; empty otherwise."""

    @property
    def journal(self) -> Path:
        """The path of this run's journal; the file exists once the writes are about to begin."""
        return self.folder / f"{self.run.stem}.jsonl"

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes so far, in order of address."""
        ended = () if self.output is None else self.output.outcomes
        return sorted(ended, key=lambda outcome: outcome.change.address)


def report(record: RunRecord, wanted: Reports, terminal: Terminal) -> int:
    """Writes the requested reports, and the audit record beside the journal if there is one.

    Returns the exit code of the run, or ERROR if the run succeeded and a file could not be
    written.
    """
    ran = result_file.RunInfo(
        run=record.run.name,
        version=__version__,
        started=record.run.started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - record.begun, 3),
        exit_code=int(record.code),
        method=record.method,
        journal=result_file.plain(record.journal.as_posix()),
        base_url=record.base_url,
        error=record.error,
        expected=record.expected,
        by=actor_of(record.environment, record.root),
    )
    plan, outcomes, error = record.plan, record.outcomes, record.error
    try:
        room = SUMMARY_BYTES - report_files.size_so_far("github", wanted)
        failures = report_files.write(
            wanted,
            {
                "json": lambda: result_file.document(plan, outcomes, ran),
                "text": lambda: _text(record),
                "github": lambda: [apply_result.page(plan, outcomes, error, most=room)],
            },
        )
        # GitHub sets the variable in every step: only --report github=FILE asks for outputs.
        outputs = record.environment.get("GITHUB_OUTPUT")
        if outputs and report_files.asked_for(wanted, "github"):
            append(Path(outputs), [github_workflow.ended(plan, outcomes)])
        if outcomes or record.journal.exists():
            _check_there(record.journal)
            audit = result_file.audit(plan, outcomes, ran)
            write_whole(record.journal.with_suffix(".json"), audit, mode=PRIVATE)
        # Last: a report that cannot be written must not prevent the audit record.
        if failures:
            raise failures[0]
    except ReconcilerError as failure:
        terminal.note(f"{terminal.note_paint.removed('error')}: {visible(str(failure))}")
        if record.code == ExitCode.OK:
            terminal.note("Every change of the plan is in place; only this report is missing.")
        # A worse code stays: a script has to see 4 or 143 also if a report is missing.
        return int(ExitCode.ERROR) if record.code == ExitCode.OK else record.code
    return record.code


def _check_there(journal: Path) -> None:
    """Raises ReconcilerError if the journal is missing: the audit record refers to it."""
    if not journal.exists():
        raise ReconcilerError(f"{journal}: the journal of this run was removed during the run")


def _text(record: RunRecord) -> Iterable[str]:
    """The report `text`: the whole plan, the outcomes and the error, without colours."""
    plain = Paint(on=False)
    shown: list[str] = []
    plan, outcomes = record.plan, record.outcomes
    if plan is not None:
        shown += [*plan_text.plan(make_report(plan), plain, REPORT_WIDTH, detail="verbose"), ""]
    if outcomes:
        unread = 0 if plan is None else len(plan.unreadable)
        shown += apply_text.text(outcomes, plain, unread=unread, verbose=True)
    if record.error:
        shown.append(f"error: {visible(record.error)}")
    return (f"{line}\n" for line in shown)
