"""Settings -> a client of the API: the real one, or the embedded one in process."""

import random
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from msgspec import Struct

from reconciler import credentials
from reconciler.client.instrumented import Exchange, Watched, Watcher
from reconciler.client.retry import Budget, Retrying
from reconciler.client.telemetry import Telemetry
from reconciler.client.throttle import Pace, Paced
from reconciler.client.transport import Clock, LoopClock, Transport
from reconciler.commands.terminal import SANDBOX_DB, Terminal
from reconciler.errors import ConfigError, ReconcilerError
from reconciler.manifests.settings import Write
from reconciler.review.request_log import LOGS, LogFormat

# Never a real host: a plan for the embedded API can be applied to nothing else.
SANDBOX_BASE_URL = "http://sandbox.localhost/core/v2"


class Connection(Struct, frozen=True):
    """Which API a run speaks to, and how fast; `run` names the run in the API's own logs."""

    target: credentials.Target
    parallelism: int
    requests_per_second: float | None = None
    sandbox: bool = False
    run: str = ""
    log_format: LogFormat | None = None
    telemetry: Telemetry = Telemetry()


class Traffic:
    """Counts a run's requests."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.now()
        self.requests = 0

    def __call__(self, _: Exchange) -> None:
        """One more."""
        self.requests += 1

    def __str__(self) -> str:
        seconds = max(self._clock.now() - self._start, 0.001)
        return f"{self.requests:,} requests, {self.requests / seconds:,.0f}/s"


class Link(Struct, frozen=True):
    """A client of the API, what it did so far, and how much patience the run has."""

    transport: Transport
    traffic: Traffic
    budget: Budget
    clock: Clock


def connection(
    environment: Mapping[str, str],
    write: Write,
    *,
    sandbox: bool,
    log_format: LogFormat | None,
    telemetry: Telemetry,
) -> Connection:
    """The embedded API if asked for, else the environment's; ConfigError says why not."""
    if sandbox:
        from reconciler.sandbox.tokens import MANAGE  # only the sandbox needs it

        target = credentials.Target(SANDBOX_BASE_URL, credentials.Secret(MANAGE))
    else:
        target = credentials.target(environment)
    return Connection(
        target,
        write.parallelism,
        write.requests_per_second,
        sandbox,
        secrets.token_hex(6),
        log_format,
        telemetry,
    )


@contextmanager
def said_plainly(db: Path) -> Generator[None]:
    """A store that cannot be used, as an error for people."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ReconcilerError(f"{db}: the sandbox's store cannot be used: {error}") from None


@asynccontextmanager
async def open_api(
    connection: Connection, terminal: Terminal, *, requests: int
) -> AsyncGenerator[Link]:
    """A client that may write, for a run of so many requests if all goes well.

    A command that may not write wraps it in ReadOnly at once.
    """
    clock = LoopClock()
    traffic = Traffic(clock)
    watchers: list[Watcher] = [traffic, connection.telemetry.request]
    if connection.log_format is not None:
        write = LOGS[connection.log_format]
        watchers.append(lambda exchange: terminal.note(write(exchange)))
    pace = Pace(
        clock,
        ceiling=connection.parallelism,
        requests_per_second=connection.requests_per_second,
        on_hold=lambda seconds: terminal.note(f"Waiting {seconds:.0f} s: the API asked for it."),
    )
    async with _http(connection) as http:
        watched = Watched(http, clock, tuple(watchers))
        paced = Paced(watched, pace)
        budget = Budget(requests)
        yield Link(Retrying(paced, budget, clock, random.random), traffic, budget, clock)


@asynccontextmanager
async def _http(connection: Connection) -> AsyncGenerator[Transport]:
    from reconciler.client.http import connect  # httpx costs 0.1 s

    target = connection.target
    if target.token is None:
        raise ConfigError(
            "no token: set CARRIERX_TOKEN or CARRIERX_TOKEN_FILE (--sandbox needs none)"
        )
    if not connection.sandbox:
        async with connect(target.base_url, target.token, run=connection.run) as http:
            yield http
        return

    from reconciler.sandbox.app import Options, create_app
    from reconciler.sandbox.fixtures import open_seeded

    with said_plainly(SANDBOX_DB), open_seeded(SANDBOX_DB) as store:
        app = create_app(store, Options())
        async with connect(target.base_url, target.token, run=connection.run, app=app) as http:
            yield http
