"""A plan -> its file and what is printed; what `plan` and `rollback` do alike."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from reconciler import __version__
from reconciler.commands.terminal import Terminal
from reconciler.files import PRIVATE, write_whole
from reconciler.model import Meta, Plan
from reconciler.planning import plan_file
from reconciler.review.formats import FORMATS, View
from reconciler.review.plan_text import Detail


def meta(plan: Plan) -> Meta:
    """What a plan that is made now says of itself."""
    key = secrets.token_hex(16) if plan.sensitive else ""
    return Meta(__version__, datetime.now(UTC).isoformat(timespec="seconds"), key)


def save(plan: Plan, out: Path | None) -> None:
    """Saves the plan, if somewhere."""
    if out is not None:
        write_whole(out, plan_file.write(plan), mode=PRIVATE)


def present(plan: Plan, format_: str, terminal: Terminal, *, detail: Detail = "grouped") -> None:
    """Puts a plan on stdout."""
    view = View(plan, terminal.paint, terminal.width, detail)
    terminal.write(FORMATS[format_](view), for_machines=format_ != "text")
