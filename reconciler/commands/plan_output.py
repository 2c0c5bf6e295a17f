"""A plan -> the plan file and text on stdout, for `plan`, `show` and `rollback`."""

from collections.abc import Mapping
from pathlib import Path

from reconciler.commands.api_connection import SANDBOX_BASE_URL
from reconciler.commands.terminal import Terminal
from reconciler.files import PRIVATE, write_whole
from reconciler.manifests.discovery import Tree
from reconciler.model import Address, Plan, Side
from reconciler.planning import plan_file
from reconciler.review.formats import FORMATS, View
from reconciler.review.text.plan_text import Detail
from reconciler.wording import first_of


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


def account_cure(base_url: str) -> str:
    """The cure for a file that was made for another API than that of the run."""
    # Not with the address, to copy it: a forged file would lead the token there.
    return "use --sandbox" if base_url == SANDBOX_BASE_URL else "check CARRIERX_BASE_URL, --sandbox"


def say_kept(choices: Mapping[Address, Side], terminal: Terminal) -> None:
    """Says that live values chosen by --resolve are kept in this run only."""
    kept = sorted(address for address, side in choices.items() if side is Side.LIVE)
    if kept:
        terminal.note(
            f"The live value of {first_of(kept)} is kept in this run only: to keep it, write it "
            "into the manifest."
        )


def present(
    plan: Plan, format_: str, terminal: Terminal, tree: Tree, *, detail: Detail = "grouped"
) -> None:
    """Writes a plan to stdout in the format `format_`, a name of FORMATS.

    `detail`: how much of each change `text` shows.
    """
    view = View(plan, tree.root, terminal.paint, terminal.width, detail)
    # RFC 8259, section 8.1: JSON is UTF-8, also if the locale has another encoding.
    terminal.write(FORMATS[format_](view), for_machines=format_ != "text")
