"""`reconciler plan`: show what differs; nothing is written but the plan file."""

import shlex
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from msgspec import Struct

from reconciler.client.connection import Connection, connected
from reconciler.commands import report_files
from reconciler.commands.api_connection import SANDBOX_BASE_URL
from reconciler.commands.plan_output import present, save
from reconciler.commands.plan_run import PlanInputs, make, prepare
from reconciler.commands.report_files import Reports
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError, UsageError
from reconciler.escape import visible
from reconciler.files import SANDBOX_DB, append, check_writable
from reconciler.manifests.discovery import SUFFIXES, Tree
from reconciler.manifests.settings import FILE as CONFIG_FILE
from reconciler.model import Plan
from reconciler.planning import guards
from reconciler.planning.summary import none_found
from reconciler.review import github_workflow, problems_text
from reconciler.review.formats import FORMATS, SUMMARY_BYTES, View
from reconciler.review.plan_text import Detail


class Parameters(Struct, frozen=True):
    """What to plan and where to put it; `format` is a name of FORMATS."""

    inputs: PlanInputs
    connection: Connection
    format: str = "text"
    out: Path | None = None
    detailed_exitcode: bool = False
    reports: tuple[str, ...] = ()
    detail: Detail = "grouped"


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """OK with or without changes; INCOMPLETE where a record could not be read."""
    if parameters.out is not None:
        check_writable(parameters.out)
    wished = report_files.parse_reports(parameters.reports, FORMATS, parameters.out)
    _keep_inputs(parameters, [file for _, file in wished])
    outputs = parameters.inputs.comparison.environment.get("GITHUB_OUTPUT", "")
    outputs = outputs if report_files.asked_for(wished, "github") else ""
    if outputs:
        check_writable(Path(outputs))
    with connected(parameters.connection) as (loop, client):
        prepared = prepare(parameters.inputs, client)
        for line in problems_text.text(prepared.warnings, terminal.paint):
            terminal.note(line)
        plan = loop.run(make(prepared, parameters.inputs, client, terminal.progress))
    tree = parameters.inputs.manifests.tree
    # All that is kept comes before what is shown: whoever reads stdout may go away.
    save(plan, parameters.out)
    failures = _report(plan, wished, outputs, tree)
    present(plan, parameters.format, terminal, tree, detail=parameters.detail)
    is_sandbox = plan.base_url == SANDBOX_BASE_URL
    if is_sandbox and none_found(plan):
        names = parameters.inputs.manifests.names
        flags = " ".join(f"--manifests {shlex.quote(name)}" for name in names)
        terminal.note(f"To put them there: reconciler sandbox seed {visible(flags)}")
    if parameters.out is not None and plan.applyable:
        sandbox = " --sandbox" if is_sandbox else ""
        flags = "".join(f" {guards.allow_flag(one)}" for one in plan.guards if not one.ok)
        refused = f", though a guard refuses it without{flags}" if flags else ""
        command = f"reconciler apply{sandbox} {parameters.out}"
        terminal.note(f"Saved. To write exactly this: {command}{refused}")
    if failures:
        raise failures[0]
    return exit_code(plan, detailed=parameters.detailed_exitcode)


def _keep_inputs(parameters: Parameters, written: Iterable[Path]) -> None:
    """Refuses to write over what the plan is made of, or what the next one would read."""
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
            raise UsageError(f"{path}: is among what the plan is made of: name another file")


def _report(plan: Plan, wished: Reports, outputs: str, tree: Tree) -> list[ReconcilerError]:
    """Writes the reports, and the outputs of a step of GitHub's; tells what could not be."""
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
    """A plan that is not whole never looks like one that is, changes or not."""
    if not plan.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.CHANGES if detailed and plan.differs else ExitCode.OK
