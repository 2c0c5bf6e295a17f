"""The parser: each command passes typed parameters to its file in `commands`.

Imports of other libraries stay inside the functions: `--help` and completion load only click.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from reconciler import __version__
from reconciler.cli import environment, inputs, options, plans
from reconciler.cli.comment import comment
from reconciler.cli.options import everywhere, option
from reconciler.cli.sandbox import sandbox
from reconciler.cli.terminal import terminal
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.manifests.loader import Loaded

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(
    context_settings=CONTEXT,
    epilog="The environment variable RECONCILER_<FLAG> sets any flag except --diff and --db.",
)
@click.version_option(__version__, prog_name="reconciler", message="%(prog)s %(version)s")
def app() -> None:
    """Keep the user_data of CarrierX SMS records equal to YAML files in git.

    \b
    Examples:
      reconciler validate                     check the manifests, offline
      reconciler plan --sandbox               try it on the embedded API
      reconciler plan --out plan.json         save a plan for review
      reconciler apply plan.json              write exactly this plan
    """
    environment.warn_of_misspelt(app, os.environ, terminal())


everywhere(app, environment=True)
app.add_command(sandbox)
for each in (plans.plan, plans.apply, plans.show, plans.rollback, comment):
    app.add_command(each)


@app.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@options.manifests
@options.environment
@option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="Choose the output format. In text, problems go to stderr.",
)
@everywhere
def validate(
    paths: tuple[Path, ...],
    manifests: tuple[Path, ...],
    env: str | None,
    format_: Literal["text", "json", "github", "sarif"],
) -> ExitCode:
    """Check manifests, offline and without a token.

    \b
    Examples:
      reconciler validate
      reconciler validate manifests/billing new.yaml
      reconciler validate --format sarif > problems.sarif
    """
    from reconciler.commands import validate as command
    from reconciler.errors import ReconcilerError
    from reconciler.git import path_from_top
    from reconciler.manifests import at_revision, left_out

    # The command calls it, so that problems of reconciler.yaml are printed in --format as well.
    def load() -> "Loaded":
        tree = inputs.tree()
        settings = inputs.settings(tree, env)
        chosen = inputs.manifests(tree, paths or manifests, settings, env)
        try:
            repository = at_revision.repository(chosen)
        except ReconcilerError:
            # Without git, or in a repository that git refuses to read, the files here are checked.
            return chosen.load()
        return left_out.with_left_out(repository, chosen).load()

    folder = path_from_top(inputs.tree().root)
    return command.run(command.Parameters(load, format_, folder), terminal())


@app.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@options.manifests
@options.environment
@option("--check", is_flag=True, help="Write nothing; exit with 3 if a file would change.")
@option("--diff", envvar=None, is_flag=True, help="Show the changes as a diff; write nothing.")
@everywhere
def fmt(
    paths: tuple[Path, ...],
    manifests: tuple[Path, ...],
    env: str | None,
    check: bool,
    diff: bool,
) -> ExitCode:
    """Rewrite manifests in the canonical layout; keep comments.

    Kinds are in the order of the API, SIDs are sorted, levels are indented by two spaces. The
    values that are sent never change.

    \b
    Examples:
      reconciler fmt
      reconciler fmt --check --diff
      reconciler fmt manifests/billing/a.yaml
    """
    from reconciler.commands import fmt as command

    tree = inputs.tree()
    chosen = inputs.manifests(tree, paths or manifests, inputs.settings(tree, env), env)
    return command.run(
        command.Parameters(tree, chosen.names, check, diff, chosen.cache), terminal()
    )


@app.command()
@click.argument("name", type=click.Choice(["manifest", "plan", "result"]))
@everywhere
def schema(name: str) -> ExitCode:
    """Print a published JSON Schema.

    \b
    Examples:
      reconciler schema manifest > manifest.schema.json
    """
    from reconciler.commands import schema as command

    return command.run(name, terminal())
