"""Flags, reconciler.yaml and the environment -> what commands take; a flag goes before the file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.commands.inputs import Manifests
    from reconciler.commands.planning import Inputs
    from reconciler.config import Settings
    from reconciler.fetch.read import How
    from reconciler.render.logs import LogFormat


def settings() -> "Settings":
    """What reconciler.yaml in this folder says."""
    from reconciler import config

    return config.settings()


def manifests(paths: tuple[Path, ...], settings: "Settings") -> "Manifests":
    """The manifests that a command is about."""
    from reconciler.cache import open_cache
    from reconciler.commands.inputs import Manifests

    named = paths or tuple(map(Path, settings.manifests))
    return Manifests(named, settings, open_cache(os.environ))


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
) -> "Inputs":
    """What a plan is made of."""
    from reconciler.commands.inputs import Selection
    from reconciler.commands.opening import connection
    from reconciler.commands.planning import Inputs

    link = connection(
        os.environ,
        settings.write,
        sandbox=sandbox,
        parallelism=parallelism,
        log_format=log_format,
    )
    chosen = _manifests(manifests, settings)
    return Inputs(chosen, link, Selection(target, exclude), read)


_manifests = manifests
