"""The flags that several commands share; RECONCILER_<FLAG> in the environment sets them too."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from reconciler.files import JOURNALS, SANDBOX_DB

Function = Callable[..., Any]

ENVIRONMENT_PREFIX = "RECONCILER_"


def option(*names: str, **settings: Any) -> Callable[[Function], Function]:
    """A click option that an environment variable can set too: `--on-error` by RECONCILER_ON_ERROR.

    `settings` are those of click; `envvar=None` leaves the variable out.
    """
    flag = max(names, key=len).split("/")[0].lstrip("-")
    variable = ENVIRONMENT_PREFIX + flag.replace("-", "_").upper()
    settings.setdefault("envvar", variable)
    return click.option(*names, **settings)


def _chdir(context: click.Context, _: click.Parameter, folder: Path | None) -> None:
    # --chdir after the command overrides one before it; both override the environment. Each is
    # relative to the folder that the process started in, so that two of them do not add up.
    start = context.meta.setdefault("reconciler.start", Path.cwd())
    if folder is not None:
        try:
            os.chdir(start / folder)
        except OSError as error:
            raise click.BadParameter(f"{folder}: {error.strerror}", context) from None


def _no_color(context: click.Context, _: click.Parameter, no_color: bool) -> None:
    # click shares `meta` between a group and its command: storing False would undo a --no-color
    # that was typed before the name of the command.
    if no_color:
        context.meta["no_color"] = True


def everywhere(function: Function, *, environment: bool = False) -> Function:
    """Adds --chdir and --no-color, which work before and after the name of a command.

    `environment`: whether their variables are read. Only the outermost group reads them, because a
    relative folder must not be entered twice.
    """
    variables = {} if environment else {"envvar": None}
    chdir = option(
        "--chdir",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_chdir,
        help="Change to this folder first.",
        **variables,
    )
    no_color = option(
        "--no-color",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_no_color,
        help="Print text without colours.",
        **variables,
    )
    return chdir(no_color(function))


manifests = option(
    "--manifests",
    "manifests",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Read the manifests in this folder or file; repeatable.  [default: manifests]",
)
environment = option(
    "--env",
    metavar="NAME",
    help="Use the manifests and the pins of this environment of reconciler.yaml.",
)
sandbox = option(
    "--sandbox",
    is_flag=True,
    help="Use the embedded API, stored in .reconciler/; it needs no account, token or port.",
)
# No click default: None lets the value of reconciler.yaml apply.
parallelism = option(
    "--parallelism",
    # As MAX_PARALLELISM of reconciler.yaml, which is too slow to import for --help.
    type=click.IntRange(1, 1000),
    help="Limit the number of requests in flight.  [default: 10]",
)
target = option(
    "--target",
    multiple=True,
    help="Limit the run to an address, a manifest file, or a pattern of either as in .gitignore; "
    "repeatable.",
)
target_file = option(
    "--target-file",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Limit the run to the targets in this file, one a line (- for stdin); lines that begin "
    "with # are comments; repeatable.",
)
exclude = option(
    "--exclude",
    multiple=True,
    help="Leave out an address, a manifest file, or a pattern of either as in .gitignore; "
    "repeatable.",
)
text_or_json = option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Choose the output format.",
)
any_format = option(
    "--format",
    "format_",
    type=click.Choice(
        ["text", "json", "jsonl", "markdown", "html", "github", "gitlab", "junit", "csv"]
    ),
    default="text",
    show_default=True,
    help="Choose the output format.",
)
db = option(
    "--db",
    type=click.Path(path_type=Path),
    default=SANDBOX_DB,
    show_default=True,
    envvar=None,  # `plan --sandbox` has no --db and would use another file than the variable's
    help="Use this SQLite file.",
)
seed = option(
    "--seed",
    type=int,
    default=0,
    help="Seed the random generator; the same seed gives the same records and faults.",
)


def stack(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Several options as one decorator; --help lists them in this order."""

    def decorate(function: Function) -> Function:
        # Like stacked decorators: click lists the option that is applied last first.
        for each in reversed(options):
            function = each(function)
        return function

    return decorate


read = option(
    "--read",
    type=click.Choice(["auto", "each", "sweep"]),
    default="auto",
    show_default=True,
    help="Read each record by its SID, sweep through all pages, or choose the one with fewer "
    "requests (auto).",
)
log_format = option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Log every request to stderr in this format.",
)

base = option(
    "--base",
    metavar="REV",
    help="Compare with a git revision, to show why each record differs; auto: the last applied "
    "commit, or the merge base with the default branch; none: compare with git now alone.  "
    "[default: the last applied commit]",
)
since = option(
    "--since",
    metavar="REV",
    help="Limit the run to records whose value in git changed since this branch and a revision "
    "parted. That commit is also the base, unless --base is given.",
)
only = option(
    "--only",
    multiple=True,
    type=click.Choice(["change", "drift", "adopt", "both"]),
    help="Write only changes of this origin; repeatable.",
)
resolve = option(
    "--resolve",
    multiple=True,
    metavar="ADDRESS=git|live",
    help="Take git's or the live value, of a conflict or of drift; repeatable.",
)
allow = option(
    "--allow",
    multiple=True,
    metavar="GUARD=N",
    help="Raise the limit of a guard for this run, as in max_clears=12; repeatable.",
)

report = option(
    "--report",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Also write a report to FILE in any format, as in markdown=comment.md; repeatable.",
)
report_of_an_apply = option(
    "--report",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Also write a report to FILE, even if the apply fails, as in json=result.json. FORMAT is "
    "text, json or github; repeatable.",
)
journal = option(
    "--journal",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep journals in this folder, in which each write is recorded before it is sent.  "
    f"[default: {JOURNALS}, with --env {JOURNALS}/NAME]",
)

verbose = option("--verbose", is_flag=True, help="Show every change; do not group equal ones.")
concise = option(
    "--concise", is_flag=True, help="Show one line for each change or group of equal changes."
)

comparison = stack(base, since, only, resolve, allow)
inputs = stack(
    manifests,
    environment,
    target,
    target_file,
    exclude,
    comparison,
    sandbox,
    parallelism,
    read,
    log_format,
)
