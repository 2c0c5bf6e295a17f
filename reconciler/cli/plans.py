"""The parser of plan, apply, rollback and show: each passes typed parameters to `commands`."""

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
@option("--out", type=click.Path(path_type=Path), help="Save the plan for `apply` and `show`.")
@options.report
@options.verbose
@options.concise
@option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 if there are changes.",
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
    """Show the changes that `apply` would make; write nothing.

    \b
    Examples:
      reconciler plan
      reconciler plan --target 'manifests/billing/**' --out plan.json
      reconciler plan --base auto             separate own changes from drift
      reconciler plan --since origin/main     only changes of this branch
      reconciler plan --detailed-exitcode     exit with 2 if there are changes
      reconciler plan --report html=plan.html --report markdown=plan.md
    """
    from reconciler.commands import plan as command

    # A plan that is only shown names no commit: to compare all files with one takes time.
    document = out is not None or format_ == "json" or bool(report)
    chosen, link = _plan_inputs(inputs.run_id(), None, with_head=document, **flags)
    detail = inputs.detail(verbose=verbose, concise=concise)
    parameters = command.Parameters(chosen, link, format_, out, detailed_exitcode, report, detail)
    return inputs.ended(link, command.run(parameters, terminal()))


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@options.inputs
@option(
    "--method",
    type=click.Choice(["patch", "put"]),
    help="Send user_data alone (PATCH) or the whole object (PUT).  [default: patch]",
)
@option(
    "--auto-approve",
    is_flag=True,
    help="Write without asking for approval; a saved plan never asks.",
)
@option(
    "--on-error",
    type=click.Choice(["continue", "stop"]),
    default="continue",
    show_default=True,
    help="Continue or stop after a failure.",
)
@option(
    "--expect",
    metavar="DIGEST",
    help="Write only the approved plan. DIGEST is its digest, or the file it was saved to.",
)
@option(
    "--record/--no-record",
    default=None,
    help="Record the commit as applied (refs/reconciler/applied/...), if all of it was: it is the "
    "base of the next plan.  [default: record, in a git repository]",
)
@options.journal
@options.report_of_an_apply
@option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Choose the output format. json: one event per line, as in Terraform.",
)
@option("--verbose", is_flag=True, help="Show every change and the outcome of each record.")
@options.concise
@everywhere
def apply(
    plan: Path | None,
    method: Literal["patch", "put"] | None,
    auto_approve: bool,
    on_error: Literal["continue", "stop"],
    expect: str | None,
    record: bool | None,
    journal: Path | None,
    report: tuple[str, ...],
    format_: Literal["text", "json"],
    verbose: bool,
    concise: bool,
    **flags: Any,
) -> ExitCode:
    """Write the changes; a saved PLAN is applied exactly as it is.

    Each record is read again before it is written. If another client changed it since the plan,
    it is reported and not written.

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
    chosen, link = _plan_inputs(run, plan, with_head=record is not False, **flags)
    folder = journal or inputs.journals(chosen.manifests.tree, flags["env"])
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
        folder,
        report,
        format_,
        inputs.detail(verbose=verbose, concise=concise),
        os.environ,
    )
    return inputs.ended(link, command.run(parameters, terminal()))


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@option("--out", type=click.Path(path_type=Path), help="Save the plan for `apply` and `show`.")
@options.text_or_json
@options.environment
@options.sandbox
@options.parallelism
@options.log_format
@everywhere
def rollback(
    runs: tuple[str, ...],
    out: Path | None,
    format_: Literal["text", "json"],
    env: str | None,
    **connection: Any,
) -> ExitCode:
    """Show the plan that undoes applies; write nothing.

    RUN is a journal or its name, a folder (its newest journal), or the digest of a plan (all runs
    of it in the folder of journals). The plan holds only records that these runs wrote and that
    still hold the written value. Review and apply it like any other plan.

    \b
    Examples:
      reconciler rollback .reconciler/journal --out back.json
      reconciler rollback .reconciler/journal/20260105T091400123456Z-3f9a.jsonl
      reconciler rollback sha256:6f2c01d9
      reconciler apply back.json
    """
    from reconciler.commands import rollback as command

    tree = inputs.tree()
    settings = inputs.settings(tree, env)
    link = inputs.connection(tree, settings, run=inputs.run_id(), env=env, **connection)
    parameters = command.Parameters(
        runs, inputs.journals(tree, env), link, tree, settings.guards, out, format_
    )
    return inputs.ended(link, command.run(parameters, terminal()))


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@option(
    "--diff",
    envvar=None,  # `fmt --diff` takes no value: one variable cannot serve both
    nargs=2,
    metavar="OLD NEW",
    type=click.Path(path_type=Path),
    help="Show the differences between two saved plans.",
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
    """Show a saved plan in any format; send no request.

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
        raise click.UsageError("give one saved plan, or two with --diff")
    detail = inputs.detail(verbose=verbose, concise=concise)
    return command.run(command.Parameters(plan, inputs.tree(), format_, old, detail), terminal())


def _plan_inputs(
    run: str,
    plan: Path | None,
    *,
    manifests: tuple[Path, ...],
    env: str | None,
    sandbox: bool,
    parallelism: int | None,
    log_format: "LogFormat | None",
    **flags: Any,
) -> "tuple[PlanInputs, Connection]":
    """The input of a plan and the way to the API, from the flags of `options.inputs`.

    `plan` is a saved plan, for which no manifest has to be there.
    """
    tree = inputs.tree()
    settings = inputs.settings(tree, env)
    named = inputs.manifests(tree, manifests, settings, env, needed=plan is None)
    link = inputs.connection(
        tree,
        settings,
        run=run,
        sandbox=sandbox,
        parallelism=parallelism,
        log_format=log_format,
        env=env,
    )
    return inputs.plan_inputs(named, **flags), link


_OF_A_NEW_PLAN = (
    *("manifests", "target", "target_file", "exclude"),
    *("base", "since", "only", "resolve"),
)


def _refuse_with_plan() -> None:
    """Raises click.UsageError if a flag that shapes a new plan was typed beside a saved one."""
    context = click.get_current_context()
    for name in _OF_A_NEW_PLAN:
        # A variable is set for all commands: with a saved plan it is ignored.
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            flag = name.replace("_", "-")
            raise click.UsageError(
                f"--{flag} cannot be used with a saved plan, which is applied exactly as it is"
            )
