"""`reconciler show`: a saved plan, or two to compare -> text on stdout; sends no request."""

from pathlib import Path

from msgspec import Struct

from reconciler.commands.plan_output import present
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, UsageError
from reconciler.manifests.discovery import Tree
from reconciler.planning.plan_diff import diff_plans
from reconciler.planning.plan_file import read_plan
from reconciler.review.text import plan_diff_text
from reconciler.review.text.plan_text import Detail

# The formats that can show the differences between two plans.
_OF_TWO = ("text", "json")


class Parameters(Struct, frozen=True):
    """The options of `show`."""

    plan: Path
    """The file of the plan."""
    tree: Tree
    """The project; CODEOWNERS is read from its repository."""
    format: str = "text"
    """The format of stdout, a name of FORMATS."""
    old: Path | None = None
    """The file of an earlier plan to compare with; None to show `plan` itself."""
    detail: Detail = "grouped"
    """How much of each change `text` shows."""


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Prints the plan as `plan` does, or its differences from the old one; returns OK.

    Raises PlanFileError if a file cannot be trusted, UsageError if two plans cannot be compared in
    the format.
    """
    # The checksum is checked here: an edited file must not be shown to a reviewer.
    plan = read_plan(parameters.plan)
    if parameters.old is not None:
        if parameters.format not in _OF_TWO:
            raise UsageError(
                f"--diff supports the formats {' and '.join(_OF_TWO)}, not {parameters.format}"
            )
        between = diff_plans(read_plan(parameters.old), plan)
        if parameters.format == "json":
            terminal.write([plan_diff_text.json(between)])
        else:
            terminal.write_lines(plan_diff_text.text(between, terminal.paint))
    else:
        present(plan, parameters.format, terminal, parameters.tree, detail=parameters.detail)
    return ExitCode.OK
