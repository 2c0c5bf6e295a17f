"""`reconciler show`: a saved plan in any format; no request is made."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from reconciler import document
from reconciler.commands import Terminal, lines
from reconciler.commands.files import read_plan
from reconciler.errors import ExitCode
from reconciler.render import text


class Parameters(Struct, frozen=True):
    """Which plan to show and how."""

    plan: Path
    format: Literal["text", "json"] = "text"


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Shows the plan exactly as `plan` did."""
    plan = read_plan(parameters.plan)
    if parameters.format == "json":
        terminal.write(document.write(plan))
    else:
        terminal.write(lines(text.plan(plan, terminal.paint, terminal.width)))
    return ExitCode.OK
