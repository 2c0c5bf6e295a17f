"""`reconciler plan`: manifests and live records -> a plan on stdout, a plan file and reports."""

import shlex
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from msgspec import Struct

from reconciler.client.connection import Connection, connected
from reconciler.commands import report_files
from reconciler.commands.api_connection import SANDBOX_BASE_URL
from reconciler.commands.plan_output import apply_command, present, save, say_kept
from reconciler.commands.plan_run import PlanInputs, make, prepare
from reconciler.commands.report_files import Reports
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError, UsageError
from reconciler.escape.text import visible
from reconciler.files import SANDBOX_DB, append, check_writable
from reconciler.manifests.discovery import SUFFIXES, Tree
from reconciler.manifests.settings import FILE as CONFIG_FILE
from reconciler.model import Plan
from reconciler.planning.guards.registry import allow_flag
from reconciler.planning.summary import all_not_found
from reconciler.review import github_workflow
from reconciler.review.formats import FORMATS, SUMMARY_BYTES, View
from reconciler.review.text import problems_text
from reconciler.review.text.plan_text import Detail


class Parameters(Struct, frozen=True):
    """The options of `plan`."""

    inputs: PlanInputs
    """The input of the plan, apart from the live records."""
    connection: Connection
    """How to reach the API that is read."""
    format: str = "text"
    """The format of stdout, a name of FORMATS."""
    out: Path | None = None
    """The plan file to write; None to write none."""
    detailed_exitcode: bool = False
    """Whether to return CHANGES if the plan holds changes."""
    reports: tuple[str, ...] = ()
    """Reports to write, each `FORMAT=FILE`, as in `html=plan.html`."""
    detail: Detail = "grouped"
    """How much of each change `text` shows."""


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Makes a plan, saves it, writes the reports and prints it; returns `exit_code`.

    Raises ProblemsError with every problem of the manifests, ApiError if the API cannot be used,
    UsageError if an output file is an input too, ReconcilerError if a file cannot be written.
    """
    # Before the first request: a wrong path must not cost the read of a whole account.
    if parameters.out is not None:
        check_writable(parameters.out)
    wished = report_files.parse_reports(parameters.reports, FORMATS, parameters.out)
    _keep_inputs(parameters, [file for _, file in wished])
    outputs = parameters.inputs.comparison.environment.get("GITHUB_OUTPUT", "")
    # GitHub sets the variable in every step: only --report github=FILE asks for outputs.
    outputs = outputs if report_files.asked_for(wished, "github") else ""
    if outputs:
        check_writable(Path(outputs))
    with connected(parameters.connection) as (loop, client):
        prepared = prepare(parameters.inputs, client)
        for line in problems_text.text(prepared.warnings, terminal.note_paint):
            terminal.note(line)
        plan = loop.run(make(prepared, parameters.inputs, client, terminal.progress))
    say_kept(parameters.inputs.comparison.choices, terminal)
    tree = parameters.inputs.manifests.tree
    # Files first: printing fails if the reader of stdout closes the pipe.
    save(plan, parameters.out)
    failures = _report(plan, wished, outputs, tree)
    present(plan, parameters.format, terminal, tree, detail=parameters.detail)
    is_sandbox = plan.base_url == SANDBOX_BASE_URL
    if is_sandbox and all_not_found(plan):
        names = parameters.inputs.manifests.names
        flags = " ".join(f"--manifests {shlex.quote(name)}" for name in names)
        terminal.note(f"To add them to the sandbox: reconciler sandbox seed {visible(flags)}")
    if parameters.out is not None and plan.applyable:
        flags = "".join(f" {allow_flag(one)}" for one in plan.guards if not one.ok)
        refused = f" (a guard refuses it without{flags})" if flags else ""
        command = apply_command(plan, parameters.out, terminal)
        terminal.note(f"Saved. To apply exactly this plan: {command}{refused}")
    # Last: one report that cannot be written must not prevent the others or the output.
    if failures:
        raise failures[0]
    return exit_code(plan, detailed=parameters.detailed_exitcode)


def _keep_inputs(parameters: Parameters, written: Iterable[Path]) -> None:
    """Raises UsageError if an output file is an input of this plan or would be one of the next.

    Inputs are reconciler.yaml, the sandbox's store, schemas of user_data, and every file in a
    folder of manifests that would be read as a manifest.
    """
    manifests = parameters.inputs.manifests
    schemas = [rule.user_data_schema for rule in manifests.settings.rules]
    tree = manifests.tree
    kept = {tree.path(name).resolve() for name in (CONFIG_FILE, str(SANDBOX_DB), *schemas) if name}
    folders = {tree.path(name).resolve() for name in manifests.names}
    for path in (parameters.out, *written):
        if path is None:
            continue
        target = path.resolve()
        read = target.name.lower().endswith(SUFFIXES) and folders & {target, *target.parents}
        if read or target in kept:
            raise UsageError(
                f"{path}: is an input of the plan, or lies where manifests are read "
                "from: choose another file"
            )


def _report(plan: Plan, wished: Reports, outputs: str, tree: Tree) -> list[ReconcilerError]:
    """Writes the reports, and the outputs of a GitHub step to the file `outputs` (empty: none).

    Returns the errors of the files that could not be written.
    """
    view = View(
        plan, tree.root, summary_bytes=SUMMARY_BYTES - report_files.size_so_far("github", wished)
    )
    made = {name: partial(make_it, view) for name, make_it in FORMATS.items()}
    failures = report_files.write(wished, made)
    if outputs:
        try:
            append(Path(outputs), [github_workflow.outputs(view.report)])
        except ReconcilerError as error:
            failures.append(error)
    return failures


def exit_code(plan: Plan, *, detailed: bool) -> ExitCode:
    """INCOMPLETE if a record could not be read, with or without changes; otherwise OK.

    With `detailed`, CHANGES if the plan is complete and a record differs.
    """
    # 4 before 2: a script must not take a list with gaps for all changes.
    if not plan.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.CHANGES if detailed and plan.differs else ExitCode.OK
