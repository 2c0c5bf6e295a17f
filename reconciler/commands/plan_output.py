"""A plan -> its file and what is printed; what `plan`, `show` and `rollback` do alike."""

from pathlib import Path

from reconciler.commands.terminal import Terminal
from reconciler.files import PRIVATE, write_whole
from reconciler.manifests.discovery import Tree
from reconciler.model import Plan
from reconciler.planning import plan_file
from reconciler.review.formats import FORMATS, View
from reconciler.review.plan_text import Detail


def save(plan: Plan, out: Path | None) -> None:
    """Saves the plan, if a file is named."""
    if out is not None:
        write_whole(out, plan_file.write(plan), mode=PRIVATE)


def present(
    plan: Plan, format_: str, terminal: Terminal, tree: Tree, *, detail: Detail = "grouped"
) -> None:
    """Writes a plan to stdout, in a format of FORMATS."""
    view = View(plan, tree.root, terminal.paint, terminal.width, detail)
    terminal.write(FORMATS[format_](view), for_machines=format_ != "text")
