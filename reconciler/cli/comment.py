"""The parser of `reconciler comment`."""

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
    help="Choose the host. Default: the host of the CI system that runs this command.",
)
@option(
    "--pull",
    metavar="NUMBER",
    type=click.IntRange(1),
    help="Choose the pull request. Default: the one that this CI run is for.",
)
@option("--name", metavar="NAME", help="Name the plan if a pull request has several plans.")
@option("--report-url", metavar="URL", help="Link to the HTML report.")
@option("--plan-url", metavar="URL", help="Link to the plan file.")
@option(
    "--run-url",
    metavar="URL",
    help="Link to this CI run. Default on GitHub and GitLab: the current job.",
)
@option(
    "--previous",
    metavar="PLAN",
    type=click.Path(path_type=Path),
    help="Show the changes since PLAN, the plan of the last push.",
)
@option(
    "--result",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Show how the apply ended. `apply --report json=FILE` writes FILE.",
)
@option(
    "--when",
    type=click.Choice(["changes-only", "always"]),
    default="changes-only",
    show_default=True,
    help="Post a new comment only for a plan with changes, or for every plan.",
)
@option(
    "--issue", is_flag=True, help="Update one issue of the repository instead, for drift checks."
)
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
    """Show a saved plan in one comment on a pull request.

    The comment is created, or updated if it exists. The token is GITHUB_TOKEN, or GITLAB_TOKEN
    (CI_JOB_TOKEN if GitLab allows it). An apply never reads the comment.

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
