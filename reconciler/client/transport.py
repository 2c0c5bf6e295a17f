"""The seam to the API: one method, `send`; one file a way to reach it or a wrapper round one."""

import asyncio
from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

Method = Literal["GET", "PATCH", "PUT"]


class Request(Struct, frozen=True):
    """What is asked: `path` under the API's base URL, `body` JSON bytes.

    `attempt` counts, from 1, how often the same has been asked.
    """

    method: Method
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    attempt: int = 1

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Response(Struct, frozen=True):
    """What was answered: header names in lower case, the body whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No answer. `sent` tells whether the request may have reached the API all the same."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class GivenUpError(TransportError):
    """Not even asked: the run has given the API up."""


class HeldError(TransportError):
    """Not sent: the API asked everybody to wait, and what the request is based on is old by now."""


class Clock(Protocol):
    """Seconds that only ever go forward; the time of day is nobody's business here."""

    def now(self) -> float:
        """Seconds since some moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        """Seconds since some moment."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


class Transport(Protocol):
    """A way to reach the API."""

    async def send(self, request: Request) -> Response:
        """The API's answer, whatever its status; TransportError where there is none."""
        ...
