"""Flags, reconciler.yaml and the environment -> what commands take; a flag goes before the file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from msgspec import structs

if TYPE_CHECKING:
    from reconciler.client.fetch import How
    from reconciler.commands.opening import Connection
    from reconciler.commands.plan_run import Inputs
    from reconciler.errors import ExitCode
    from reconciler.manifests.loader import Manifests
    from reconciler.manifests.settings import Settings
    from reconciler.planning.base_revision import Comparison
    from reconciler.review.plan_text import Detail
    from reconciler.review.request_log import LogFormat


def settings() -> "Settings":
    """What reconciler.yaml in this folder says."""
    from reconciler.manifests import settings

    return settings.settings()


def chosen_manifests(paths: tuple[Path, ...], settings: "Settings") -> "Manifests":
    """The manifests that a command is about."""
    from reconciler.manifests.cache import open_cache
    from reconciler.manifests.loader import Manifests

    named = paths or tuple(map(Path, settings.manifests))
    return Manifests(named, settings, open_cache(os.environ))


def connection(
    settings: "Settings",
    *,
    sandbox: bool,
    parallelism: int | None,
    log_format: "LogFormat | None",
) -> "Connection":
    """Which API a run speaks to, and how fast."""
    from reconciler.client.telemetry import recording
    from reconciler.commands import opening

    context, write = click.get_current_context(), settings.write
    return opening.connection(
        os.environ,
        structs.replace(write, parallelism=parallelism or write.parallelism),
        sandbox=sandbox,
        log_format=log_format,
        telemetry=context.with_resource(recording(os.environ, context.info_name or "")),
    )


def inputs(
    settings: "Settings",
    *,
    manifests: tuple[Path, ...],
    target: tuple[str, ...],
    exclude: tuple[str, ...],
    sandbox: bool,
    parallelism: int | None,
    read: "How",
    log_format: "LogFormat | None",
    allow: tuple[str, ...],
    notes_head: bool = False,
    **comparison: Any,
) -> "Inputs":
    """What a plan is made of."""
    from reconciler.commands.plan_run import Inputs
    from reconciler.planning import guards
    from reconciler.planning.selection import Selection

    for text in (*target, *exclude):
        if any("\udc80" <= character <= "\udcff" for character in text):
            raise click.UsageError(f"{text!r}: is not UTF-8, as every address and manifest is")
    link = connection(settings, sandbox=sandbox, parallelism=parallelism, log_format=log_format)
    chosen = chosen_manifests(manifests, settings)
    return Inputs(
        chosen,
        link,
        Selection(target, exclude),
        read,
        _comparison(notes_head=notes_head, **comparison),
        guards.allowances(allow),
    )


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

    return base_revision.check(
        base_revision.Comparison(
            base,
            since,
            tuple(map(Origin, only)),
            base_revision.choices(resolve),
            os.environ,
            notes_head=notes_head,
        )
    )


def ended(connection: "Connection", code: "ExitCode") -> "ExitCode":
    """The exit code of a command that ran to its end, told to the run's telemetry."""
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
