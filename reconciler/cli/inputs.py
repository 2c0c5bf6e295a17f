"""Flags, reconciler.yaml and the environment -> what commands take; a flag goes before the file."""

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
    from reconciler.review.plan_text import Detail
    from reconciler.review.request_log import LogFormat


def tree() -> "Tree":
    """The project that the working folder is in."""
    from reconciler.manifests.discovery import Tree

    return Tree(Path.cwd().resolve())


def settings(tree: "Tree") -> "Settings":
    """What reconciler.yaml in the project says."""
    from reconciler.manifests import settings

    return settings.load_settings(tree)


def manifests(tree: "Tree", paths: tuple[Path, ...], settings: "Settings") -> "Manifests":
    """The manifests that a command is about: those of the paths, or those of reconciler.yaml."""
    from reconciler.manifests.cache import open_cache
    from reconciler.manifests.loader import Manifests

    named = tuple(tree.name(path.absolute()) for path in paths)
    return Manifests(
        tree,
        named or tuple(map(tree.name, settings.manifests)),
        settings,
        open_cache(os.environ),
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
    """Which API a run speaks to, and how fast."""
    from reconciler.client.telemetry import recording
    from reconciler.commands import api_connection

    context, write = click.get_current_context(), settings.write
    access = api_connection.Access(
        run,
        tree.path(str(SANDBOX_DB)) if sandbox else None,
        log_format,
        context.with_resource(recording(os.environ, context.info_name or "")),
    )
    write = structs.replace(write, parallelism=parallelism or write.parallelism)
    return api_connection.connection(os.environ, access, write, terminal())


def run_id() -> str:
    """A new name for a run, by which the API's own logs and our journals know it."""
    import secrets

    return secrets.token_hex(6)


def plan_inputs(
    manifests: "Manifests",
    *,
    target: tuple[str, ...],
    exclude: tuple[str, ...],
    read: "ReadMode",
    allow: tuple[str, ...],
    notes_head: bool = False,
    **comparison: Any,
) -> "PlanInputs":
    """What a plan is made of."""
    from reconciler.commands.plan_run import PlanInputs
    from reconciler.planning import guards
    from reconciler.planning.selection import Selection

    for text in (*target, *exclude):
        if any("\udc80" <= character <= "\udcff" for character in text):
            raise click.UsageError(f"{text!r}: is not UTF-8, as every address and manifest is")
    patterns = [
        tuple(_pattern(manifests.tree, text) for text in texts) for texts in (target, exclude)
    ]
    return PlanInputs(
        manifests,
        Selection(*patterns),
        read,
        _comparison(notes_head=notes_head, **comparison),
        guards.parse_allowances(allow),
    )


def _pattern(tree: "Tree", text: str) -> str:
    """A target as typed; an absolute path by its name in the project."""
    return tree.name(text) if text.startswith("/") else text


def _comparison(
    *,
    base: str | None,
    since: str | None,
    only: tuple[str, ...],
    resolve: tuple[str, ...],
    notes_head: bool,
) -> "Comparison":
    """Which revisions a run looks at."""
    from reconciler.model import Origin
    from reconciler.planning import base_revision

    return base_revision.checked(
        base_revision.Comparison(
            base,
            since,
            tuple(map(Origin, only)),
            base_revision.parse_choices(resolve),
            os.environ,
            notes_head=notes_head,
        )
    )


def ended(connection: "Connection", code: "ExitCode") -> "ExitCode":
    """The exit code of a command that ran to its end, recorded by the run's telemetry."""
    connection.telemetry.ended(code)
    return code


def detail(*, verbose: bool, concise: bool) -> "Detail":
    """How much is shown of each change."""
    context = click.get_current_context()
    typed = [
        name
        for name in ("verbose", "concise")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if typed == ["verbose", "concise"]:
        raise click.UsageError("--verbose and --concise exclude each other")
    if typed:  # a flag goes before what the environment says for all commands
        return "verbose" if typed == ["verbose"] else "concise"
    return "verbose" if verbose else "concise" if concise else "grouped"
