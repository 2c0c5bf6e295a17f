"""The commands about plans; each hands typed parameters to its file in `commands`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from reconciler.cli import inputs, options
from reconciler.cli.options import everywhere, option
from reconciler.cli.terminal import terminal
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.client.connection import Connection
    from reconciler.commands.plan_run import PlanInputs
    from reconciler.review.request_log import LogFormat


@click.command()
@options.inputs
@options.any_format
@option("--out", type=click.Path(path_type=Path), help="Save the plan, for `apply` and `show`.")
@options.report
@options.verbose
@options.concise
@option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 where changes are present.",
)
@everywhere
def plan(
    format_: str,
    out: Path | None,
    report: tuple[str, ...],
    verbose: bool,
    concise: bool,
    detailed_exitcode: bool,
    **flags: Any,
) -> ExitCode:
    """Show what differs between the manifests and the live records; write nothing.

    \b
    Examples:
      reconciler plan
      reconciler plan --target 'manifests/billing/**' --out plan.json
      reconciler plan --base auto             tell own changes from drift
      reconciler plan --since origin/main     only what this branch changed
      reconciler plan --detailed-exitcode     exit code 2: changes are present
      reconciler plan --report html=plan.html --report markdown=plan.md
    """
    from reconciler.commands import plan as command

    chosen, link = _plan_inputs(inputs.run_id(), notes_head=out is not None, **flags)
    detail = inputs.detail(verbose=verbose, concise=concise)
    parameters = command.Parameters(chosen, link, format_, out, detailed_exitcode, report, detail)
    return inputs.ended(link, command.run(parameters, terminal()))


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@options.inputs
@option(
    "--method",
    type=click.Choice(["patch", "put"]),
    help="PATCH user_data alone, or PUT the whole object.  [default: patch]",
)
@option("--auto-approve", is_flag=True, help="Do not ask.")
@option(
    "--on-error",
    type=click.Choice(["continue", "stop"]),
    default="continue",
    show_default=True,
    help="What one failure does to the rest.",
)
@option(
    "--expect",
    metavar="DIGEST",
    help="Write only if the plan is the approved one; its digest, or the file it was saved to.",
)
@option(
    "--record",
    is_flag=True,
    help="Note the commit as applied (refs/reconciler/applied), for --base auto.",
)
@options.journal
@options.report_of_an_apply
@option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to put on stdout; json: an event a line, as Terraform's.",
)
@option("--verbose", is_flag=True, help="Show every change, and how each record ended.")
@options.concise
@everywhere
def apply(
    plan: Path | None,
    method: Literal["patch", "put"] | None,
    auto_approve: bool,
    on_error: Literal["continue", "stop"],
    expect: str | None,
    record: bool,
    journal: Path,
    report: tuple[str, ...],
    format_: Literal["text", "json"],
    verbose: bool,
    concise: bool,
    **flags: Any,
) -> ExitCode:
    """Write what differs; a saved PLAN is applied exactly, record by record.

    Each record is read again before it is written: one that somebody else changed since the plan
    is left alone and reported.

    \b
    Examples:
      reconciler apply                        plan, show, ask, write
      reconciler apply plan.json              write a reviewed plan
      reconciler apply --auto-approve --on-error stop
      reconciler apply --since origin/main --expect sha256:6f2c...
    """
    from reconciler.commands import apply as command

    if plan is not None:
        _refuse_with_plan()
    run = inputs.run_id()
    chosen, link = _plan_inputs(run, notes_head=record, **flags)
    parameters = command.Parameters(
        chosen,
        link,
        run,
        plan,
        method or chosen.manifests.settings.write.method,
        auto_approve,
        on_error,
        expect,
        record,
        journal,
        report,
        format_,
        inputs.detail(verbose=verbose, concise=concise),
        os.environ,
    )
    return inputs.ended(link, command.run(parameters, terminal()))


@click.command()
@click.argument("journal", type=click.Path(path_type=Path))
@option("--out", type=click.Path(path_type=Path), help="Save the plan, for `apply` and `show`.")
@options.text_or_json
@options.sandbox
@options.parallelism
@options.log_format
@everywhere
def rollback(
    journal: Path, out: Path | None, format_: Literal["text", "json"], **connection: Any
) -> ExitCode:
    """Show the plan that undoes an apply; write nothing.

    It holds only records that the apply wrote and that still hold what it wrote. Review it and
    apply it like any other plan.

    \b
    Examples:
      reconciler rollback .reconciler/journal/20260105T0914Z-3f9a.jsonl --out back.json
      reconciler apply back.json
    """
    from reconciler.commands import rollback as command

    tree = inputs.tree()
    settings = inputs.settings(tree)
    link = inputs.connection(tree, settings, run=inputs.run_id(), **connection)
    parameters = command.Parameters(journal, link, tree, settings.guards, out, format_)
    return inputs.ended(link, command.run(parameters, terminal()))


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@option(
    "--diff",
    envvar=None,  # two commands have one, of different kinds
    nargs=2,
    metavar="OLD NEW",
    type=click.Path(path_type=Path),
    help="What differs between two saved plans.",
)
@options.any_format
@options.verbose
@options.concise
@everywhere
def show(
    plan: Path | None,
    diff: tuple[Path, Path] | None,
    format_: str,
    verbose: bool,
    concise: bool,
) -> ExitCode:
    """Show a saved plan, in any format; no request is made.

    \b
    Examples:
      reconciler show plan.json
      reconciler show plan.json --format html > plan.html
      reconciler show plan.json --format jsonl | jq .resource_change.address
      reconciler show --diff approved.json plan.json
    """
    from reconciler.commands import show as command

    old = None
    if diff is not None and plan is None:
        old, plan = diff
    elif diff is not None or plan is None:
        raise click.UsageError("name a saved plan, or two with --diff")
    detail = inputs.detail(verbose=verbose, concise=concise)
    return command.run(command.Parameters(plan, inputs.tree(), format_, old, detail), terminal())


def _plan_inputs(
    run: str,
    *,
    manifests: tuple[Path, ...],
    sandbox: bool,
    parallelism: int | None,
    log_format: "LogFormat | None",
    **flags: Any,
) -> "tuple[PlanInputs, Connection]":
    tree = inputs.tree()
    settings = inputs.settings(tree)
    link = inputs.connection(
        tree, settings, run=run, sandbox=sandbox, parallelism=parallelism, log_format=log_format
    )
    return inputs.plan_inputs(inputs.manifests(tree, manifests, settings), **flags), link


def _refuse_with_plan() -> None:
    context = click.get_current_context()
    for name in ("manifests", "target", "exclude", "base", "since", "only", "resolve"):
        # What the environment says for all commands is no mistake of this one.
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{name} does not go with a saved plan, which is applied exactly as it is"
            )
