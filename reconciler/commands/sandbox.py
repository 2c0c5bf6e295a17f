"""`reconciler sandbox`: serve, seed and reset the embedded API."""

import os
import socket
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct

from reconciler.commands.api_connection import as_store_error
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError, UsageError
from reconciler.files import write_whole
from reconciler.kinds import KINDS, Kind
from reconciler.manifests.loader import Manifests
from reconciler.sandbox import faults, fixtures, tokens
from reconciler.sandbox.app import PREFIX, Options, create_app
from reconciler.sandbox.fault_injection import FaultInjection
from reconciler.sandbox.faults import FaultSampler
from reconciler.sandbox.fixtures import Fixture
from reconciler.sandbox.store import Store

# In one file an editor still opens.
RECORDS_A_FILE = 100_000


__all__ = ["Options", "Seeding", "Serving", "fill", "reset", "serve"]


class Serving(Struct, frozen=True):
    """Where the API listens and how it behaves."""

    db: Path
    host: str
    port: int
    options: Options
    latency_seconds: float = 0.0
    records: int | None = None
    fault_spec: str = ""
    seed: int = 0


class Seeding(Struct, frozen=True):
    """What to put into the store: records for manifests, or `records` made-up ones of each kind."""

    db: Path
    manifests: Manifests | None = None
    records: int | None = None
    drift: float = 0.0
    seed: int = 0
    out: Path | None = None


def serve(parameters: Serving, terminal: Terminal) -> ExitCode:
    """Answers until it is interrupted."""
    import uvicorn  # only a server needs it

    try:
        dice = FaultSampler(faults.parse(parameters.fault_spec), parameters.seed)
    except ValueError as error:
        raise UsageError(f"--fault: {error}") from None
    with (
        _listen(parameters) as listener,
        as_store_error(parameters.db),
        fixtures.open_store(parameters.db) as store,
    ):
        if store.is_empty():
            _fill(store, parameters, terminal)
        app = FaultInjection(
            create_app(store, parameters.options), parameters.latency_seconds, dice
        )
        config = uvicorn.Config(app, log_level="error", lifespan="off")
        address = _reachable(*listener.getsockname()[:2])
        terminal.write_lines(
            [
                "The embedded API answers until it is interrupted (Ctrl-C). In another shell:",
                "",
                f"  export CARRIERX_BASE_URL=http://{address}{PREFIX}",
                f"  export CARRIERX_TOKEN={tokens.MANAGE}",
            ]
        )
        uvicorn.Server(config).run(sockets=[listener])
    return ExitCode.OK


def fill(parameters: Seeding, terminal: Terminal) -> ExitCode:
    """Adds records; those that are there already under the same SID are replaced."""
    if parameters.out is not None:
        if parameters.records is None:
            raise UsageError("--out writes the manifests of made-up records: give --records too")
        _make(parameters.out)
    with as_store_error(parameters.db), fixtures.open_store(parameters.db) as store:
        count = 0
        if parameters.manifests is not None:
            records = parameters.manifests.load().records.values()
            wanted = (Fixture(record.address, record.wanted) for record in records)
            count += fixtures.add_wanted(
                store, wanted, drift=parameters.drift, seed=parameters.seed
            )
        if parameters.records is not None:
            count += fixtures.add_synthetic(
                store, parameters.records, drift=parameters.drift, seed=parameters.seed
            )
            if parameters.out is not None:
                _write_manifests(parameters.out, parameters.records, parameters.seed)
        documented = parameters.manifests is None and parameters.records is None
        if documented:
            count += fixtures.add_documented(store)
    whose = " (the API pages' own)" if documented else ""
    terminal.write_lines([f"Records put into {parameters.db}: {count:,}{whose}."])
    return ExitCode.OK


def reset(db: Path, terminal: Terminal) -> ExitCode:
    """Back to what a new sandbox holds."""
    with as_store_error(db), fixtures.open_store(db) as store, store.transaction():
        store.clear()
        count = fixtures.add_documented(store)
    terminal.write_lines([f"{db} holds the {count} example records again."])
    return ExitCode.OK


def _listen(parameters: Serving) -> socket.socket:
    family = socket.AF_INET6 if ":" in parameters.host else socket.AF_INET
    try:
        return socket.create_server((parameters.host, parameters.port), family=family)
    except OSError as error:
        why = os.strerror(number) if (number := error.errno or 0) > 0 else str(error)
        raise ReconcilerError(
            f"cannot listen on {parameters.host}:{parameters.port}: {why}"
        ) from None


def _reachable(host: str, port: int) -> str:
    """The host and port by which a client on this machine finds a listener."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  not to bind
    return f"[{here}]:{port}" if ":" in here else f"{here}:{port}"


def _fill(store: Store, parameters: Serving, terminal: Terminal) -> None:
    if parameters.records is None:
        fixtures.add_documented(store)
        return
    terminal.note(f"Making {parameters.records:,} records of each kind ...")
    fixtures.add_synthetic(store, parameters.records, drift=0.0, seed=parameters.seed)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(f"{folder}: cannot be made: {error.strerror}") from None


def _write_manifests(folder: Path, count: int, number: int) -> None:
    """The manifests that want what the made-up records hold where nothing drifted."""
    for kind in KINDS.values():
        made_up = fixtures.synthetic(kind, count, seed=number)
        for index, chunk in enumerate(_batched(made_up, RECORDS_A_FILE)):
            path = folder / f"{kind.name}-{index:03d}.yaml"
            write_whole(path, _manifest(kind, chunk), mode=0o644)


def _manifest(kind: Kind, records: Iterable[Fixture]) -> Iterator[str]:
    yield f"{kind.name}:\n"
    for record in records:
        # JSON is YAML: quoted, so that nothing in it can be read as anything else.
        yield f"  {record.address.sid}:\n    user_data: {record.user_data}\n"


def _batched(items: Iterable[Fixture], size: int) -> Iterator[list[Fixture]]:
    """Lists of `size` items, the last one shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
