"""The environment and reconciler.yaml -> how to reach the API, the real or the embedded one."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec import Struct

from reconciler.client.connection import Connect, Connection
from reconciler.client.instrumented import Exchange, Watcher
from reconciler.client.partner_check import Pin
from reconciler.client.telemetry import Telemetry
from reconciler.client.transport import Transport
from reconciler.commands.terminal import Terminal
from reconciler.credentials import Secret, Target, renewed, target
from reconciler.errors import ConfigError, ReconcilerError
from reconciler.files import refuse_links
from reconciler.manifests.settings import Environment, Write
from reconciler.planning.base_revision import account_of
from reconciler.review.request_log import LOGS, LogFormat

# No real host: a plan that was made with --sandbox can be applied to nothing else.
SANDBOX_BASE_URL = "http://sandbox.localhost/core/v2"


class Access(Struct, frozen=True):
    """How a run wants to reach the API."""

    run: str
    """The name of the run, in the API's logs."""
    sandbox: Path | None = None
    """The SQLite file of the embedded API; None for the API that the environment names."""
    log_format: LogFormat | None = None
    """How every request is logged; None for no log."""
    telemetry: Telemetry = Telemetry()
    """Records spans and metrics of the run."""
    environment: str | None = None
    """The name of the environment (--env); None without one."""
    pins: Environment = Environment()
    """The API and the partner that the environment is for."""
    project: str = ""
    """The path of the project from the top of its repository; empty at the top."""


def connection(
    environment: Mapping[str, str], access: Access, write: Write, terminal: Terminal
) -> Connection:
    """A connection that is not open yet.

    Raises ConfigError if the environment names an address to which no token may be sent, or a
    token that cannot be one.
    """
    connect: Connect
    if access.sandbox is None:
        api = target(environment)
        base_url = api.base_url
        connect = partial(_over_http, api, access.run, partial(renewed, environment))
    else:
        base_url, connect = SANDBOX_BASE_URL, partial(_in_process, access.sandbox, access.run)
    pinned = access.pins.base_url
    if pinned is not None and pinned != base_url:
        cure = "check CARRIERX_BASE_URL, or name another environment"
        if access.sandbox is not None:
            cure = "leave out --sandbox, or the pin of base_url"
        raise ConfigError(
            f"--env {access.environment}: is for {pinned}, but this run uses {base_url}: nothing "
            f"was read or written; {cure}"
        )
    partner = access.pins.partner_sid
    watchers: tuple[Watcher, ...] = ()
    if access.log_format is not None:
        watchers = (partial(_log, terminal, LOGS[access.log_format], access.run),)
    return Connection(
        base_url,
        connect,
        write.parallelism,
        write.requests_per_second,
        watchers,
        partial(_say_hold, terminal),
        access.telemetry,
        account_of(
            base_url,
            access.environment,
            sandbox=access.sandbox is not None,
            project=access.project,
        ),
        access.environment,
        None if partner is None else Pin(partner.lower(), access.environment or ""),
    )


@contextmanager
def as_store_error(db: Path) -> Generator[None]:
    """Turns a store that cannot be used, or is a link, into an error that names its file."""
    for suffix in ("", "-wal", "-shm", "-journal"):  # SQLite's own files beside the database
        refuse_links(Path(f"{db}{suffix}"))
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ReconcilerError(f"{db}: the sandbox's store cannot be used: {error}") from None


def _log(
    terminal: Terminal, line_of: Callable[[Exchange, str, str], str], run: str, exchange: Exchange
) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    terminal.note(line_of(exchange, run, now))


def _say_hold(terminal: Terminal, seconds: float) -> None:
    terminal.note(f"Waiting {seconds:.0f} s: the API asked for it.")


@asynccontextmanager
async def _over_http(
    api: Target, run: str, renew: Callable[[], Secret | None]
) -> AsyncGenerator[Transport]:
    from reconciler.client.http import connect  # httpx costs 0.1 s

    # Not earlier: a run that reads no record needs no token. CI systems withhold secrets from
    # some pull requests (Dependabot), and the check there must still pass.
    if api.token is None:
        raise ConfigError(
            "no token: set CARRIERX_TOKEN or CARRIERX_TOKEN_FILE (--sandbox needs none)"
        )
    async with connect(api.base_url, api.token, run=run) as http:
        http.renew = renew
        yield http


@asynccontextmanager
async def _in_process(db: Path, run: str) -> AsyncGenerator[Transport]:
    # Imported here: a run against the real API does not load the server's libraries.
    from reconciler.client.http import connect
    from reconciler.sandbox.app import Options, create_app
    from reconciler.sandbox.fixtures import open_seeded
    from reconciler.sandbox.tokens import MANAGE

    with as_store_error(db), open_seeded(db) as store:
        app = create_app(store, Options())
        async with connect(SANDBOX_BASE_URL, Secret(MANAGE), run=run, app=app) as http:
            yield http
