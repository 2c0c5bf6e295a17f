"""The seam to the API: one method, `send`; one file a way to reach it or a wrapper round one."""

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

Method = Literal["GET", "PATCH", "PUT"]


class Request(Struct, frozen=True):
    """What is asked: `path` under the API's base URL, `body` JSON bytes."""

    method: Method
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

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


class Transport(Protocol):
    """A way to reach the API."""

    async def send(self, request: Request) -> Response:
        """The API's answer, whatever its status; TransportError where there is none."""
        ...
