"""Flags, reconciler.yaml and the environment -> values for commands; flags override the file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from msgspec import structs

from reconciler.cli.targets import selection
from reconciler.cli.terminal import terminal
from reconciler.files import JOURNALS, SANDBOX_DB

if TYPE_CHECKING:
    from reconciler.client.connection import Connection
    from reconciler.client.fetch import ReadMode
    from reconciler.commands.plan_run import PlanInputs
    from reconciler.errors import ExitCode
    from reconciler.manifests.discovery import Tree
    from reconciler.manifests.loader import Manifests
    from reconciler.manifests.settings import Settings
    from reconciler.planning.base_revision import Comparison
    from reconciler.review.request_log import LogFormat
    from reconciler.review.text.plan_text import Detail


def tree() -> "Tree":
    """The project: the folder of the nearest reconciler.yaml, otherwise the working folder."""
    from reconciler.manifests import settings
    from reconciler.manifests.discovery import Tree

    return Tree(settings.project_root(Path.cwd()))


def settings(tree: "Tree", environment: str | None = None) -> "Settings":
    """The settings of the project, for one of its environments if one is named.

    Says which file it read, unless that is ./reconciler.yaml. Raises ProblemsError if the file is
    not valid, UsageError if there is no such environment.
    """
    from reconciler.manifests import settings

    name = settings.settings_file(tree)
    found = settings.load_settings(tree)
    if name != settings.FILE or tree.root != Path.cwd().resolve():
        terminal().note(f"Settings: {os.path.relpath(tree.path(name))}")
    return found if environment is None else found.in_environment(environment)


def manifests(
    tree: "Tree",
    paths: tuple[Path, ...],
    settings: "Settings",
    environment: str | None = None,
    *,
    needed: bool = True,
) -> "Manifests":
    """The manifests in `paths`; without paths, those of the environment or of reconciler.yaml.

    A saved plan is applied without its manifests: they are not `needed`. Raises click.UsageError if
    both are named, UsageError if the manifests are plainly elsewhere.
    """
    from reconciler.manifests.cache import Cache
    from reconciler.manifests.loader import Manifests

    if paths and environment is not None:
        raise click.UsageError(
            "--env and --manifests cannot be used together: an environment has its own manifests; "
            "limit the run with --target"
        )
    if needed and not paths and environment is None:
        _refuse_elsewhere(tree, settings)
    named = tuple(tree.name(path.absolute()) for path in paths)
    return Manifests(
        tree,
        named or tuple(map(tree.name, settings.manifests)),
        settings,
        None if os.environ.get("RECONCILER_NO_CACHE") else Cache(),
        environment,
    )


def _refuse_elsewhere(tree: "Tree", settings: "Settings") -> None:
    """Raises UsageError if the manifests are plainly elsewhere: in environments, or further up."""
    from reconciler.errors import UsageError
    from reconciler.git import top_of
    from reconciler.manifests.settings import FILE, settings_file

    if any(os.path.lexists(tree.path(name)) for name in settings.manifests):
        return
    if settings.environments:
        flags = ", ".join(f"--env {name}" for name in settings.environments)
        raise UsageError(
            f"{settings_file(tree)} has manifests for environments only: name one: {flags}"
        )
    top = top_of(tree.root)
    if top is None or os.path.lexists(tree.path(settings_file(tree))):
        return
    if top != tree.root and (top / settings.manifests[0]).is_dir():
        above = os.path.relpath(top)
        raise UsageError(
            f"no {settings.manifests[0]}/ here, but in {above}: add --chdir {above}, or put a "
            f"{FILE} there, which is found from every folder below it"
        )


def journals(tree: "Tree", environment: str | None) -> Path:
    """The folder of journals in the project: one for each environment."""
    folder = JOURNALS / environment if environment else JOURNALS
    return Path(os.path.relpath(tree.path(str(folder))))


def connection(
    tree: "Tree",
    settings: "Settings",
    *,
    run: str,
    sandbox: bool,
    parallelism: int | None,
    log_format: "LogFormat | None",
    env: str | None = None,
) -> "Connection":
    """How a run reaches the API, and how fast; nothing is open yet.

    Flags that are None take the value of reconciler.yaml. Raises ConfigError if the environment
    names an address or a token that cannot be used.
    """
    from reconciler.client.telemetry import recording
    from reconciler.commands import api_connection
    from reconciler.git import path_from_top
    from reconciler.manifests.settings import Environment

    context, write = click.get_current_context(), settings.write
    access = api_connection.Access(
        run,
        tree.path(str(SANDBOX_DB)) if sandbox else None,
        log_format,
        # The context closes it at the end of the command, so that a failed run is exported too.
        context.with_resource(recording(os.environ, context.info_name or "", _warn)),
        env,
        settings.environments[env] if env is not None else Environment(),
        path_from_top(tree.root),
    )
    write = structs.replace(write, parallelism=parallelism or write.parallelism)
    return api_connection.connection(os.environ, access, write, terminal())


def _warn(message: str) -> None:
    streams = terminal()
    streams.note(f"{streams.note_paint.changed('warning')}: {message}")


def run_id() -> str:
    """A new name for a run, 12 hexadecimal digits; it appears in journals and the API's logs."""
    import secrets

    return secrets.token_hex(6)


def plan_inputs(
    manifests: "Manifests",
    *,
    target: tuple[str, ...],
    target_file: tuple[Path, ...],
    exclude: tuple[str, ...],
    read: "ReadMode",
    allow: tuple[str, ...],
    with_head: bool = False,
    **comparison: Any,
) -> "PlanInputs":
    """The input of a plan, apart from the live records.

    Raises click.UsageError or UsageError for a flag that cannot be parsed, such as a bad --allow.
    """
    from reconciler.commands.plan_run import PlanInputs
    from reconciler.planning.guards.registry import parse_allowances

    selected = selection(manifests.tree, target, target_file, exclude)
    return PlanInputs(
        manifests,
        selected,
        read,
        _comparison(with_head=with_head, **comparison),
        parse_allowances(allow),
    )


def _comparison(
    *,
    base: str | None,
    since: str | None,
    only: tuple[str, ...],
    resolve: tuple[str, ...],
    with_head: bool,
) -> "Comparison":
    """The revisions that a run compares with. Raises UsageError for flags that need a base."""
    from reconciler.model import Origin
    from reconciler.planning import base_revision

    return base_revision.checked(
        base_revision.Comparison(
            base,
            since,
            tuple(map(Origin, only)),
            base_revision.parse_choices(resolve),
            os.environ,
            with_head=with_head,
        )
    )


def ended(connection: "Connection", code: "ExitCode") -> "ExitCode":
    """Records the exit code of a command in the run's telemetry and returns it."""
    connection.telemetry.ended(code)
    return code


def detail(*, verbose: bool, concise: bool) -> "Detail":
    """How much of each change is shown; a typed flag overrides the environment's."""
    context = click.get_current_context()
    typed = [
        name
        for name in ("verbose", "concise")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if typed == ["verbose", "concise"]:
        raise click.UsageError("--verbose and --concise cannot be used together")
    if typed:  # a variable such as RECONCILER_VERBOSE applies to all commands
        return "verbose" if typed == ["verbose"] else "concise"
    return "verbose" if verbose else "concise" if concise else "grouped"
