"""The flags that several commands share, each of them also RECONCILER_<FLAG>."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from reconciler.files import JOURNALS, SANDBOX_DB

Function = Callable[..., Any]

ENVIRONMENT_PREFIX = "RECONCILER_"


def option(*names: str, **settings: Any) -> Callable[[Function], Function]:
    """A click option that the environment can give as well."""
    flag = max(names, key=len).split("/")[0].lstrip("-")
    variable = ENVIRONMENT_PREFIX + flag.replace("-", "_").upper()
    settings.setdefault("envvar", variable)
    return click.option(*names, **settings)


def _chdir(context: click.Context, _: click.Parameter, folder: Path | None) -> None:
    # A flag after the command goes before one in front of it, and both before the environment.
    start = context.meta.setdefault("reconciler.start", Path.cwd())
    if folder is not None:
        try:
            os.chdir(start / folder)
        except OSError as error:
            raise click.BadParameter(f"{folder}: {error.strerror}", context) from None


def _no_color(context: click.Context, _: click.Parameter, no_color: bool) -> None:
    if no_color:
        context.meta["no_color"] = True


def everywhere(function: Function, *, environment: bool = False) -> Function:
    """--chdir and --no-color, before the command's name or after it.

    Only the outer ones look at the environment: a relative folder must not be entered twice.
    """
    variables = {} if environment else {"envvar": None}
    chdir = option(
        "--chdir",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_chdir,
        help="Go to this folder first.",
        **variables,
    )
    no_color = option(
        "--no-color",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_no_color,
        help="Plain text, without colour.",
        **variables,
    )
    return chdir(no_color(function))


manifests = option(
    "--manifests",
    "manifests",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder or file of manifests; repeatable.  [default: manifests]",
)
sandbox = option(
    "--sandbox",
    is_flag=True,
    help="Use the embedded API, kept in .reconciler/: no account, token or port is needed.",
)
parallelism = option(
    "--parallelism",
    type=click.IntRange(min=1),
    help="How many requests may be under way at once.  [default: 10]",
)
target = option(
    "--target",
    multiple=True,
    help="Only this address, manifest file, or glob of either; repeatable.",
)
exclude = option(
    "--exclude",
    multiple=True,
    help="All but this address, manifest file, or glob of either; repeatable.",
)
text_or_json = option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to put on stdout.",
)
any_format = option(
    "--format",
    "format_",
    type=click.Choice(
        ["text", "json", "jsonl", "markdown", "html", "github", "gitlab", "junit", "csv"]
    ),
    default="text",
    show_default=True,
    help="What to put on stdout.",
)
db = option(
    "--db",
    type=click.Path(path_type=Path),
    default=SANDBOX_DB,
    show_default=True,
    envvar=None,  # --sandbox, which has no such flag, would not follow it
    help="The SQLite file.",
)
seed = option(
    "--seed", type=int, default=0, help="The same seed makes the same records and faults."
)


def stack(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Several options as one decorator, listed in this order by --help."""

    def decorate(function: Function) -> Function:
        for each in reversed(options):
            function = each(function)
        return function

    return decorate


read = option(
    "--read",
    type=click.Choice(["auto", "each", "sweep"]),
    default="auto",
    show_default=True,
    help="Ask for each record, walk through all pages, or whichever needs fewer requests.",
)
log_format = option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Log every request on stderr.",
)

base = option(
    "--base",
    metavar="REV",
    help="A revision of git: tells why each record differs. auto: the last applied commit, else "
    "where this branch left the default one.",
)
since = option(
    "--since",
    metavar="REV",
    help="Only records whose value in git changed since; it is the base, unless --base is given.",
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
    help="Whose value one record in conflict takes; repeatable.",
)
allow = option(
    "--allow",
    multiple=True,
    metavar="GUARD=N",
    help="Raise the limit of a guard for this once, as in max_clears=12; repeatable.",
)

report = option(
    "--report",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write a report as well, as in markdown=comment.md, in any of the formats; repeatable.",
)
report_of_an_apply = option(
    "--report",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write a report as well, however it ends, as in json=result.json; text, json or github; "
    "repeatable.",
)
journal = option(
    "--journal",
    type=click.Path(path_type=Path, file_okay=False),
    default=JOURNALS,
    show_default=True,
    help="The folder of journals: what was written is noted there before it is.",
)

verbose = option("--verbose", is_flag=True, help="Show every change, also those that are alike.")
concise = option("--concise", is_flag=True, help="One line for each change, or for those alike.")

comparison = stack(base, since, only, resolve, allow)
inputs = stack(manifests, target, exclude, comparison, sandbox, parallelism, read, log_format)
