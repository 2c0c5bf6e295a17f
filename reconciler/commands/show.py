"""`reconciler show`: a saved plan, or what differs between two; no request is made."""

from pathlib import Path

from msgspec import Struct

from reconciler.commands.plan_output import present
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, UsageError
from reconciler.manifests.discovery import Tree
from reconciler.planning.plan_diff import diff_plans
from reconciler.planning.plan_file import read_plan
from reconciler.review import plan_diff_text
from reconciler.review.plan_text import Detail

# In which formats two plans are compared.
_OF_TWO = ("text", "json")


class Parameters(Struct, frozen=True):
    """Which plan to show and how; with an `old` one, what is different since."""

    plan: Path
    tree: Tree
    format: str = "text"
    old: Path | None = None
    detail: Detail = "grouped"


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Shows the plan exactly as `plan` did, or compares it with the old one."""
    plan = read_plan(parameters.plan)
    if parameters.old is not None:
        if parameters.format not in _OF_TWO:
            raise UsageError(f"--diff is shown as {' or '.join(_OF_TWO)}, not {parameters.format}")
        between = diff_plans(read_plan(parameters.old), plan)
        if parameters.format == "json":
            terminal.write([plan_diff_text.json(between)])
        else:
            terminal.write_lines(plan_diff_text.text(between, terminal.paint))
    else:
        present(plan, parameters.format, terminal, parameters.tree, detail=parameters.detail)
    return ExitCode.OK
