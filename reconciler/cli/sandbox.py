"""The parser of `reconciler sandbox`: serve, seed and reset."""

from pathlib import Path

import click

from reconciler.cli import inputs, options
from reconciler.cli.options import everywhere, option
from reconciler.cli.terminal import terminal
from reconciler.errors import ExitCode


@click.group()
@everywhere
def sandbox() -> None:
    """Serve, fill or reset the embedded API.

    It follows the documented behaviour and keeps its records in an SQLite file.
    """


@sandbox.command()
@options.db
# The tokens of the sandbox are public: by default only this machine may reach it.
@option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8025,
    show_default=True,
    help="Listen on this port; 0 for a free one.",
)
@option(
    "--latency-ms",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Delay every response by this time.",
)
@option(
    "--records",
    type=click.IntRange(min=0),
    help="Fill a new store with N generated records of each kind.",
)
@option(
    "--fault",
    default="",
    metavar="SPEC",
    help="Inject faults, as in 429=0.01,500-after=0.01,cut=0.005.",
)
@options.seed
@option(
    "--default-limit",
    type=click.IntRange(1),
    default=10,
    help="Set the page size of a request without a limit.",
)
@option("--max-limit", type=click.IntRange(1), default=1000, help="Set the largest page size.")
@option("--user-data-max-chars", type=click.IntRange(0), help="Answer 422 to a longer user_data.")
@everywhere
def serve(
    db: Path,
    host: str,
    port: int,
    latency_ms: float,
    records: int | None,
    fault: str,
    seed: int,
    default_limit: int,
    max_limit: int,
    user_data_max_chars: int | None,
) -> ExitCode:
    """Serve the API over HTTP until interrupted.

    \b
    Examples:
      reconciler sandbox serve
      reconciler sandbox serve --port 0 --records 1000000 --latency-ms 2
      reconciler sandbox serve --fault 429=0.01,500-after=0.01
    """
    from reconciler.commands import sandbox as command
    from reconciler.commands.sandbox import Options

    serving = command.Serving(
        db,
        host,
        port,
        Options(default_limit, max_limit, user_data_max_chars),
        latency_ms / 1000,
        records,
        fault,
        seed,
    )
    return command.serve(serving, terminal())


@sandbox.command("seed")
@options.db
@option(
    "--manifests",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Add the records of the manifests in this folder or file; repeatable.",
)
@option("--records", type=click.IntRange(min=0), help="Add N generated records of each kind.")
@option(
    "--drift",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Give this share of the records another value than the wanted one.",
)
@options.seed
@option(
    "--out", type=click.Path(path_type=Path), help="Write the generated records' manifests here."
)
@everywhere
def fill(
    db: Path,
    manifests: tuple[Path, ...],
    records: int | None,
    drift: float,
    seed: int,
    out: Path | None,
) -> ExitCode:
    """Add example, manifest or generated records to the store.

    Without --manifests and --records it adds the examples of the API's documentation.

    \b
    Examples:
      reconciler sandbox seed
      reconciler sandbox seed --manifests manifests --drift 0.1
      reconciler sandbox seed --records 10000 --drift 0.01 --out big/
    """
    from reconciler.commands import sandbox as command

    chosen = None
    # reconciler.yaml is read only here: a problem in it does not stop `seed` without --manifests.
    if manifests:
        tree = inputs.tree()
        chosen = inputs.manifests(tree, manifests, inputs.settings(tree))
    seeding = command.Seeding(db, chosen, records, drift, seed, out)
    return command.fill(seeding, terminal())


@sandbox.command()
@options.db
@everywhere
def reset(db: Path) -> ExitCode:
    """Discard all records and changes; restore the example records."""
    from reconciler.commands import sandbox as command

    return command.reset(db, terminal())
