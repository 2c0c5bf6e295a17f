"""A transport -> the same transport, with callbacks for each request: for logs and traces."""

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct, structs

from reconciler.client.transport import Clock, Request, Response, Transport, TransportError
from reconciler.kinds import collection_of


class Exchange(Struct, frozen=True):
    """One finished request. It contains neither token nor body."""

    method: str
    """The HTTP method."""
    path: str
    """The path below the API's base URL, with the SID and without the query."""
    attempt: int
    """The number of the attempt, from 1."""
    status: int | None
    """The HTTP status; None if there was no response."""
    error: str
    """Why there was no response; empty if there was one."""
    milliseconds: float
    """The duration, rounded to microseconds."""
    number: int = 0
    """The number of the request in its client, from 1, as in its header X-Request-Id."""

    @property
    def collection(self) -> str:
        """The path without the SID: `/sms/messages`."""
        return collection_of(self.path)


# Called with every finished request.
Watcher: TypeAlias = Callable[[Exchange], None]


class Instrumented:
    """Passes requests on and calls the watchers after each one, in their order."""

    def __init__(self, inner: Transport, clock: Clock, watchers: tuple[Watcher, ...]) -> None:
        self._inner = inner
        self._clock = clock
        self._watchers = watchers
        self._requests = 0

    async def send(self, request: Request) -> Response:
        """The response of the inner transport, or its TransportError."""
        start = self._clock.now()
        self._requests += 1
        request = structs.replace(request, number=self._requests)
        try:
            response = await self._inner.send(request)
        except TransportError as failure:
            self._tell(request, start, None, str(failure))
            raise
        self._tell(request, start, response.status)
        return response

    def _tell(self, request: Request, start: float, status: int | None, error: str = "") -> None:
        took = round((self._clock.now() - start) * 1000, 3)
        exchange = Exchange(
            request.method, request.path, request.attempt, status, error, took, request.number
        )
        for watcher in self._watchers:
            watcher(exchange)
