"""`reconciler comment` as the user types it."""

import os
from pathlib import Path
from typing import Literal

import click

from reconciler.cli import inputs
from reconciler.cli.options import everywhere, option
from reconciler.cli.terminal import terminal
from reconciler.errors import ExitCode


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@option(
    "--on",
    type=click.Choice(["github", "gitlab"]),
    help="Which host; by default the one whose CI system this runs in.",
)
@option(
    "--pull",
    metavar="NUMBER",
    type=click.IntRange(1),
    help="The pull request; by default the one this run is for.",
)
@option("--name", metavar="NAME", help="Tells several plans of one pull request apart.")
@option("--report-url", metavar="URL", help="Where the HTML report is.")
@option("--plan-url", metavar="URL", help="Where the plan file is.")
@option("--run-url", metavar="URL", help="Where this run is; known on GitHub and GitLab.")
@option(
    "--previous",
    metavar="PLAN",
    type=click.Path(path_type=Path),
    help="The plan of the last push: says what is new since.",
)
@option(
    "--result",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `apply --report json=FILE` wrote: says how it ended.",
)
@option(
    "--when",
    type=click.Choice(["changes-only", "always"]),
    default="changes-only",
    show_default=True,
    help="Whether a plan without changes is worth a new comment.",
)
@option("--issue", is_flag=True, help="One rolling issue of the repository, for drift checks.")
@everywhere
def comment(
    plan: Path,
    on: Literal["github", "gitlab"] | None,
    pull: int | None,
    name: str | None,
    report_url: str | None,
    plan_url: str | None,
    run_url: str | None,
    previous: Path | None,
    result: Path | None,
    when: Literal["changes-only", "always"],
    issue: bool,
) -> ExitCode:
    """Show a saved plan in the one comment of a pull request: create it, or update it.

    The token is GITHUB_TOKEN, or GITLAB_TOKEN (CI_JOB_TOKEN where GitLab allows it). What the
    comment says is never read by an apply.

    \b
    Examples:
      reconciler comment plan.json --report-url "$REPORT_URL"
      reconciler comment plan.json --on github --pull 12 --name prod
      reconciler comment plan.json --result result.json   after the apply
      reconciler comment plan.json --issue                a scheduled drift check
    """
    from reconciler.commands import comment as command
    from reconciler.review.markdown.detail_levels import Links

    links = Links(report_url or "", plan_url or "", run_url or "")
    parameters = command.Parameters(
        plan,
        inputs.tree().root,
        on,
        os.environ,
        name or "",
        str(pull or ""),
        links,
        previous,
        result,
        when,
        issue,
    )
    return command.run(parameters, terminal())
