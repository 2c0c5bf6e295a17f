"""A transport -> the same, counted and told about: for progress, logs and traces."""

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from reconciler.client.transport import Clock, Request, Response, Transport, TransportError
from reconciler.kinds import collection_of


class Exchange(Struct, frozen=True):
    """One request and how it ended: `status` None without an answer, `error` then says why.

    Neither token nor body is in it.
    """

    method: str
    path: str
    attempt: int
    status: int | None
    error: str
    milliseconds: float

    @property
    def collection(self) -> str:
        """The path without a SID."""
        return collection_of(self.path)


# Is told of every exchange once it is over.
Watcher: TypeAlias = Callable[[Exchange], None]


class Instrumented:
    """Passes everything on and tells the watchers how it went."""

    def __init__(self, inner: Transport, clock: Clock, watchers: tuple[Watcher, ...]) -> None:
        self._inner = inner
        self._clock = clock
        self._watchers = watchers

    async def send(self, request: Request) -> Response:
        """The answer, whatever it is."""
        start = self._clock.now()
        try:
            response = await self._inner.send(request)
        except TransportError as failure:
            self._tell(request, start, None, str(failure))
            raise
        self._tell(request, start, response.status)
        return response

    def _tell(self, request: Request, start: float, status: int | None, error: str = "") -> None:
        took = round((self._clock.now() - start) * 1000, 3)
        exchange = Exchange(request.method, request.path, request.attempt, status, error, took)
        for watcher in self._watchers:
            watcher(exchange)
