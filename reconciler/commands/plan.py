"""`reconciler plan`: show what differs; nothing is written but the plan file."""

from functools import partial
from pathlib import Path

from msgspec import Struct

from reconciler import policies
from reconciler.commands import Terminal, reports
from reconciler.commands.files import append, check_writable
from reconciler.commands.formats import FORMATS, SUMMARY_BYTES, View
from reconciler.commands.planning import Inputs, make, task
from reconciler.commands.plans import present
from reconciler.errors import ExitCode
from reconciler.model import Plan
from reconciler.pool import run as run_coroutine
from reconciler.render import github
from reconciler.render.text import Detail


class Parameters(Struct, frozen=True):
    """What to plan and where to put it; `format` is a name of FORMATS."""

    inputs: Inputs
    format: str = "text"
    out: Path | None = None
    detailed_exitcode: bool = False
    reports: tuple[str, ...] = ()
    detail: Detail = "grouped"


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """OK with or without changes; INCOMPLETE where a record could not be read."""
    if parameters.out is not None:
        check_writable(parameters.out)
    wished = reports.wanted(parameters.reports, FORMATS, parameters.out)
    wanted = task(parameters.inputs, terminal)
    plan = run_coroutine(make(wanted, parameters.inputs, terminal))
    present(plan, parameters.out, parameters.format, terminal, detail=parameters.detail)
    view = View(plan, summary_bytes=SUMMARY_BYTES - reports.held("github", wished))
    reports.write(wished, {name: partial(make_it, view) for name, make_it in FORMATS.items()})
    outputs = parameters.inputs.comparison.environment.get("GITHUB_OUTPUT")
    if outputs and reports.asked_for(wished, "github"):
        append(Path(outputs), [github.outputs(view.report)])
    if parameters.out is not None and plan.applyable:
        sandbox = " --sandbox" if parameters.inputs.connection.sandbox else ""
        flags = "".join(f" {policies.way_out(one)}" for one in plan.guards if not one.ok)
        refused = f", though a guard refuses it without{flags}" if flags else ""
        command = f"reconciler apply{sandbox} {parameters.out}"
        terminal.note(f"Saved. To write exactly this: {command}{refused}")
    return exit_code(plan, detailed=parameters.detailed_exitcode)


def exit_code(plan: Plan, *, detailed: bool) -> ExitCode:
    """A plan that is not whole never looks like one that is, changes or not."""
    if not plan.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.CHANGES if detailed and plan.differs else ExitCode.OK
