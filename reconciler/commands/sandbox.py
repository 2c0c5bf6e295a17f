"""`reconciler sandbox`: serves, fills and resets the embedded API and its store."""

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

# An editor can still open a manifest of this size.
RECORDS_A_FILE = 100_000


__all__ = ["Options", "Seeding", "Serving", "fill", "reset", "serve"]


class Serving(Struct, frozen=True):
    """The options of `sandbox serve`."""

    db: Path
    """The SQLite file of the store; created if it is missing."""
    host: str
    """The address to listen on."""
    port: int
    """The TCP port to listen on; 0 for a free one."""
    options: Options
    """The limits of the API: page sizes, length of user_data."""
    latency_seconds: float = 0.0
    """The delay of every response, in seconds."""
    records: int | None = None
    """The number of generated records of each kind in a new store; None for the example records."""
    fault_spec: str = ""
    """The faults to inject, as `faults.parse` reads them: `429=0.01,cut=0.005`."""
    seed: int = 0
    """Seeds the generators of records and faults."""


class Seeding(Struct, frozen=True):
    """The options of `sandbox seed`. Without `manifests` and `records` it adds the examples."""

    db: Path
    """The SQLite file of the store; created if it is missing."""
    manifests: Manifests | None = None
    """The manifests whose records are added; None for none."""
    records: int | None = None
    """The number of generated records to add of each kind; None for none."""
    drift: float = 0.0
    """The share of the added records (0 to 1) with another value than the wanted one."""
    seed: int = 0
    """Seeds the generators of records and drift."""
    out: Path | None = None
    """The folder for the manifests of the generated records; None to write none."""


def serve(parameters: Serving, terminal: Terminal) -> ExitCode:
    """Serves the API over HTTP until a signal interrupts it.

    Prints the variables that a client needs. Raises UsageError for a bad fault_spec,
    ReconcilerError if the port or the store cannot be used.
    """
    import uvicorn  # no other command needs it

    try:
        dice = FaultSampler(faults.parse(parameters.fault_spec), parameters.seed)
    except ValueError as error:
        raise UsageError(f"--fault: {error}") from None
    with (
        # First the port: if it is in use, the run ends before it generates records.
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
                "The embedded API runs until interrupted (Ctrl-C). In another shell:",
                "",
                f"  export CARRIERX_BASE_URL=http://{address}{PREFIX}",
                f"  export CARRIERX_TOKEN={tokens.MANAGE}",
            ]
        )
        # The bound socket: for port 0 uvicorn would choose another port than the printed one.
        uvicorn.Server(config).run(sockets=[listener])
    return ExitCode.OK


def fill(parameters: Seeding, terminal: Terminal) -> ExitCode:
    """Adds records to the store and prints their number; records with the same SID are replaced.

    Raises UsageError for `out` without `records`, ProblemsError for manifests with problems,
    ReconcilerError if the store or the folder cannot be used.
    """
    if parameters.out is not None:
        if parameters.records is None:
            raise UsageError(
                "--out needs --records: it writes the manifests of the generated records"
            )
        # Before the store is filled: a folder that cannot be created leaves it unchanged.
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
    whose = " (the documented examples)" if documented else ""
    terminal.write_lines([f"Records added to {parameters.db}: {count:,}{whose}."])
    return ExitCode.OK


def reset(db: Path, terminal: Terminal) -> ExitCode:
    """Removes every record of the store and adds the example records of a new sandbox."""
    # One transaction: an interruption between the two steps would leave an empty store.
    with as_store_error(db), fixtures.open_store(db) as store, store.transaction():
        store.clear()
        count = fixtures.add_documented(store)
    terminal.write_lines([f"{db} holds the {count} example records again."])
    return ExitCode.OK


def _listen(parameters: Serving) -> socket.socket:
    """A listening socket, IPv6 if the host is an IPv6 address. Raises ReconcilerError."""
    family = socket.AF_INET6 if ":" in parameters.host else socket.AF_INET
    try:
        return socket.create_server((parameters.host, parameters.port), family=family)
    except OSError as error:
        # getaddrinfo(3) has negative codes (EAI_NONAME), which strerror(3) does not know.
        why = os.strerror(number) if (number := error.errno or 0) > 0 else str(error)
        raise ReconcilerError(
            f"cannot listen on {parameters.host}:{parameters.port}: {why}"
        ) from None


def _reachable(host: str, port: int) -> str:
    """The `host:port` by which a client on this machine reaches a listener: `[::1]:8025`."""
    # Neither is a destination: RFC 1122, section 3.2.1.3, and RFC 4291, section 2.5.2.
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  not to bind
    return f"[{here}]:{port}" if ":" in here else f"{here}:{port}"


def _fill(store: Store, parameters: Serving, terminal: Terminal) -> None:
    """Fills a new store with generated records, or with the example records."""
    if parameters.records is None:
        fixtures.add_documented(store)
        return
    terminal.note(f"Generating {parameters.records:,} records of each kind ...")
    fixtures.add_synthetic(store, parameters.records, drift=0.0, seed=parameters.seed)


def _make(folder: Path) -> None:
    """Creates a folder and its parents; raises ReconcilerError if it cannot be created."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(f"{folder}: cannot be created: {error.strerror}") from None


def _write_manifests(folder: Path, count: int, number: int) -> None:
    """Writes manifests that want the value of every generated record before drift.

    The files are named `messages-000.yaml` and hold at most RECORDS_A_FILE records.
    """
    for kind in KINDS.values():
        # The same seed gives the store's records again, so that none has to be kept in memory.
        made_up = fixtures.synthetic(kind, count, seed=number)
        for index, chunk in enumerate(_batched(made_up, RECORDS_A_FILE)):
            path = folder / f"{kind.name}-{index:03d}.yaml"
            write_whole(path, _manifest(kind, chunk), mode=0o644)


def _manifest(kind: Kind, records: Iterable[Fixture]) -> Iterator[str]:
    """The text of a manifest, piece by piece."""
    yield f"{kind.name}:\n"
    for record in records:
        # JSON is valid YAML, and its texts are quoted: YAML reads the same value.
        yield f"  {record.address.sid}:\n    user_data: {record.user_data}\n"


def _batched(items: Iterable[Fixture], size: int) -> Iterator[list[Fixture]]:
    """Lists of `size` items; the last one may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
