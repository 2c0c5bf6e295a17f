"""`reconciler show`: a saved plan, or what differs between two; no request is made."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from reconciler.commands import Terminal, lines
from reconciler.commands.files import read_plan
from reconciler.commands.plans import present
from reconciler.delta import compare
from reconciler.errors import ExitCode
from reconciler.render import delta
from reconciler.render.text import Detail


class Parameters(Struct, frozen=True):
    """Which plan to show and how; with an `old` one, what is different since."""

    plan: Path
    format: Literal["text", "json"] = "text"
    old: Path | None = None
    detail: Detail = "grouped"


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Shows the plan exactly as `plan` did, or compares it with the old one."""
    plan = read_plan(parameters.plan)
    if parameters.old is not None:
        between = compare(read_plan(parameters.old), plan)
        if parameters.format == "json":
            terminal.write([delta.json(between)])
        else:
            terminal.write(lines(delta.text(between, terminal.paint)))
    else:
        present(plan, None, parameters.format, terminal, detail=parameters.detail)
    return ExitCode.OK
