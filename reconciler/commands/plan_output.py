"""A plan -> the plan file and text on stdout, for `plan`, `show` and `rollback`."""

from pathlib import Path

from reconciler.commands.api_connection import SANDBOX_BASE_URL
from reconciler.commands.terminal import Terminal
from reconciler.files import PRIVATE, write_whole
from reconciler.manifests.discovery import Tree
from reconciler.model import Plan
from reconciler.planning import plan_file
from reconciler.review.formats import FORMATS, View
from reconciler.review.text.plan_text import Detail


def save(plan: Plan, out: Path | None) -> None:
    """Writes the plan file, readable by its owner only; does nothing if `out` is None.

    Raises ReconcilerError if it cannot be written.
    """
    if out is not None:
        # An apply needs the values, so the file holds them unmasked (docs/approval.md).
        write_whole(out, plan_file.write(plan), mode=PRIVATE)


def apply_command(plan: Plan, out: Path, terminal: Terminal) -> str:
    """The command that applies a saved plan, from the folder in which the user stands."""
    # A name that begins with a dash would be a flag.
    name = f"./{out}" if str(out).startswith("-") else str(out)
    return terminal.command("apply", *account_words(plan), name)


def account_words(plan: Plan) -> list[str]:
    """The flags that lead to the account of a plan: `--sandbox`, `--env prod`."""
    sandbox = ["--sandbox"] if plan.base_url == SANDBOX_BASE_URL else []
    return sandbox if plan.environment is None else [*sandbox, "--env", plan.environment]


def present(
    plan: Plan, format_: str, terminal: Terminal, tree: Tree, *, detail: Detail = "grouped"
) -> None:
    """Writes a plan to stdout in the format `format_`, a name of FORMATS.

    `detail`: how much of each change `text` shows.
    """
    view = View(plan, tree.root, terminal.paint, terminal.width, detail)
    # RFC 8259, section 8.1: JSON is UTF-8, also if the locale has another encoding.
    terminal.write(FORMATS[format_](view), for_machines=format_ != "text")
