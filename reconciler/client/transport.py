"""A request -> a response: the interface that the HTTP client and its wrappers implement.

Wrappers (throttle, retry, read_only, instrumented) take a transport and are a transport.
"""

import asyncio
from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

Method = Literal["GET", "PATCH", "PUT"]


class Request(Struct, frozen=True):
    """One request to the API. Its text is method and path: `GET /sms/messages`."""

    method: Method
    """The HTTP method."""
    path: str
    """The path below the API's base URL: `/sms/messages/097b49df-...`."""
    query: tuple[tuple[str, str], ...] = ()
    """The query parameters, in the order in which they are sent; not yet encoded."""
    body: bytes | None = None
    """The body as JSON bytes; None for a GET."""
    attempt: int = 1
    """The number of the attempt, from 1."""
    number: int = 0
    """The number of the request in its client, from 1; 0 before it is sent."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Response(Struct, frozen=True):
    """One complete response of the API."""

    status: int
    """The HTTP status."""
    headers: Mapping[str, str]
    """The headers that are read; names in lower case."""
    body: bytes
    """The complete body."""


class TransportError(Exception):
    """There is no usable response."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent
        """Whether the request may have reached the API."""


class GivenUpError(TransportError):
    """The request was not sent, because the run has given up on the API."""


class HeldError(TransportError):
    """The write was not sent, because it waited and the value read before it may be out of date."""


class Clock(Protocol):
    """A monotonic clock in seconds; it does not know the time of day."""

    def now(self) -> float:
        """Seconds since an arbitrary moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits for `seconds`."""
        ...


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        """Seconds since an arbitrary moment."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Waits for `seconds`."""
        await asyncio.sleep(seconds)


class Transport(Protocol):
    """A way to reach the API."""

    async def send(self, request: Request) -> Response:
        """The response, with any status. Raises TransportError if there is no usable one."""
        ...
