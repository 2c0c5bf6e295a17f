"""Flags, reconciler.yaml and the environment -> values for commands; flags override the file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from msgspec import structs

from reconciler.cli.terminal import terminal
from reconciler.files import SANDBOX_DB

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
    """The project: the working folder and the files below it."""
    from reconciler.manifests.discovery import Tree

    return Tree(Path.cwd().resolve())


def settings(tree: "Tree") -> "Settings":
    """The settings of reconciler.yaml in the project; the defaults if there is no such file.

    Raises ProblemsError if the file is not valid.
    """
    from reconciler.manifests import settings

    return settings.load_settings(tree)


def manifests(tree: "Tree", paths: tuple[Path, ...], settings: "Settings") -> "Manifests":
    """The manifests in `paths`; without paths, those that reconciler.yaml names."""
    from reconciler.manifests.cache import Cache
    from reconciler.manifests.loader import Manifests

    named = tuple(tree.name(path.absolute()) for path in paths)
    return Manifests(
        tree,
        named or tuple(map(tree.name, settings.manifests)),
        settings,
        None if os.environ.get("RECONCILER_NO_CACHE") else Cache(),
    )


def connection(
    tree: "Tree",
    settings: "Settings",
    *,
    run: str,
    sandbox: bool,
    parallelism: int | None,
    log_format: "LogFormat | None",
) -> "Connection":
    """How a run reaches the API, and how fast; nothing is open yet.

    Flags that are None take the value of reconciler.yaml. Raises ConfigError if the environment
    names an address or a token that cannot be used.
    """
    from reconciler.client.telemetry import recording
    from reconciler.commands import api_connection

    context, write = click.get_current_context(), settings.write
    access = api_connection.Access(
        run,
        tree.path(str(SANDBOX_DB)) if sandbox else None,
        log_format,
        # The context closes it at the end of the command, so that a failed run is exported too.
        context.with_resource(recording(os.environ, context.info_name or "")),
    )
    write = structs.replace(write, parallelism=parallelism or write.parallelism)
    return api_connection.connection(os.environ, access, write, terminal())


def run_id() -> str:
    """A new name for a run, 12 hexadecimal digits; it appears in journals and the API's logs."""
    import secrets

    return secrets.token_hex(6)


def plan_inputs(
    manifests: "Manifests",
    *,
    target: tuple[str, ...],
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
    from reconciler.planning.selection import Selection

    for text in (*target, *exclude):
        # Python decodes a byte of an argument that is not UTF-8 to U+DC80 to U+DCFF (PEP 383).
        if any("\udc80" <= character <= "\udcff" for character in text):
            raise click.UsageError(
                f"{text!r}: is not UTF-8; addresses and manifest names are UTF-8"
            )
    patterns = [
        tuple(_pattern(manifests.tree, text) for text in texts) for texts in (target, exclude)
    ]
    return PlanInputs(
        manifests,
        Selection(*patterns),
        read,
        _comparison(with_head=with_head, **comparison),
        parse_allowances(allow),
    )


def _pattern(tree: "Tree", text: str) -> str:
    """A target as typed; an absolute path becomes its name in the project."""
    return tree.name(text) if text.startswith("/") else text


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
