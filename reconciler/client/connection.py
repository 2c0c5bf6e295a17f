"""An address and a pace -> a client of the API, for any number of runs in one event loop."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Self, TypeAlias

from msgspec import Struct

from reconciler.client.concurrency import runner
from reconciler.client.instrumented import Instrumented, Watcher
from reconciler.client.partner_check import Pin
from reconciler.client.read_only import ReadOnly
from reconciler.client.retry import Budget, Retrying
from reconciler.client.telemetry import Telemetry
from reconciler.client.throttle import Throttle, Throttled
from reconciler.client.transport import Clock, LoopClock, Request, Response, Transport

# Opens a way to the API. Raises ConfigError if the environment does not allow it.
Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[Transport]]


def _ignore(_seconds: float) -> None:
    pass


class Connection(Struct, frozen=True):
    """How to reach an API, and how fast. Nothing is open yet."""

    base_url: str
    """The address of the API, in its one spelling (`credentials.base_url`)."""
    connect: Connect
    """Opens the transport; called once, before the first request."""
    parallelism: int = 10
    """The most requests in flight at once; at least 1."""
    requests_per_second: float | None = None
    """The most requests started in a second; None means no limit."""
    watchers: tuple[Watcher, ...] = ()
    """Called with every finished request, in this order."""
    on_hold: Callable[[float], None] = _ignore
    """Called with the seconds that the API asked the run to wait."""
    telemetry: Telemetry = Telemetry()
    """Records spans and metrics of the run."""
    account: str = ""
    """The name under which the commit that was applied last is kept (`planning.base_revision`)."""
    environment: str | None = None
    """The environment of reconciler.yaml (--env); None without one."""
    pin: Pin | None = None
    """The only partner whose records may be read and written; None for any."""


class Traffic:
    """A transport that counts a run's requests, retries included."""

    def __init__(self, inner: Transport, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._start = clock.now()
        self._requests = 0

    async def send(self, request: Request) -> Response:
        """Passes a request on."""
        self._requests += 1
        return await self._inner.send(request)

    def __str__(self) -> str:
        # Progress can ask in the first tick of the clock: no division by zero.
        seconds = max(self._clock.now() - self._start, 0.001)
        return f"{self._requests:,} requests, {self._requests / seconds:,.0f}/s"


class Session(Struct, frozen=True):
    """The part of the client that belongs to one run: a transport, its counts, its retries."""

    transport: Transport
    """Sends a request; retries reads within the budget. It may write."""
    traffic: Traffic
    """The requests so far, as a text for progress: `12 requests, 34/s`."""
    budget: Budget
    """The retries left to this run."""
    clock: Clock
    """Seconds of the event loop."""
    reading: Transport
    """Sends reads only."""


class Client:
    """A client of one API. All its runs share connections and the throttle.

    It connects before the first session, so that a run without records needs no token:

        async with Client(connection) as client, client.session(requests=3) as session:
            await session.transport.send(request)
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._stack = AsyncExitStack()
        self._transport: Transport | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections."""
        self._transport = None
        await self._stack.aclose()

    @asynccontextmanager
    async def session(self, *, requests: int) -> AsyncGenerator[Session]:
        """A session for a run that needs `requests` requests if nothing fails.

        A command that must not write uses `reading` alone.
        """
        clock = LoopClock()
        traffic = Traffic(await self._connected(clock), clock)
        budget = Budget(requests)
        transport = Retrying(traffic, budget, clock, random.random)
        # If a defect sends a write, the run ends with exit code 70, without it.
        yield Session(transport, traffic, budget, clock, ReadOnly(transport))

    async def _connected(self, clock: Clock) -> Transport:
        if self._transport is None:
            connection = self.connection
            throttle = Throttle(
                clock,
                ceiling=connection.parallelism,
                requests_per_second=connection.requests_per_second,
                on_hold=connection.on_hold,
            )
            http = await self._stack.enter_async_context(connection.connect())
            watchers = (*connection.watchers, connection.telemetry.request)
            # In this order a duration in logs and traces excludes the wait for the throttle.
            self._transport = Throttled(Instrumented(http, clock, watchers), throttle)
        return self._transport


@contextmanager
def connected(connection: Connection) -> Generator[tuple[asyncio.Runner, Client]]:
    """An event loop and a client in it, for callers that are not asynchronous themselves.

    with connected(connection) as (loop, client):
        result = loop.run(plan_run(inputs, client))
    """
    with runner() as loop:
        client = Client(connection)
        try:
            yield loop, client
        finally:
            loop.run(client.close())
