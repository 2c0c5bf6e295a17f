"""The API over HTTP/1.1 (the only door to httpx).

httpx by itself waits for ever on a body that drips, inflates any archive, and tells the token in
the error for a bad header; each is closed here or where the token is checked.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from reconciler import __version__
from reconciler.config import Secret
from reconciler.errors import ConfigError
from reconciler.transport import Request, Response, TransportError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
# For a whole exchange: httpx's own limits are per read, and a body may drip a byte at a time.
TOTAL_SECONDS = 30.0

# A page of 1,000 records is about 1 MB; ten times that is no answer of this API.
MAX_BODY_BYTES = 16 * 1024 * 1024

_OK = 200

_HEADERS = {
    "accept": "application/json",
    # Plain bytes only: a small compressed body can inflate to gigabytes before a cap is looked at.
    "accept-encoding": "identity",
    "user-agent": f"reconciler/{__version__}",
}


class Http:
    """Sends requests to one base URL; made by `connect`."""

    def __init__(self, client: httpx.AsyncClient, token: Secret) -> None:
        self._client = client
        self._token = token

    async def send(self, request: Request) -> Response:
        """The API's answer, whatever its status; TransportError where there is none."""
        headers = {} if request.body is None else {"content-type": "application/json"}
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                self._client.stream(
                    request.method,
                    request.path.removeprefix("/"),
                    params=request.query,
                    content=request.body,
                    headers=headers,
                ) as answer,
            ):
                body = await _body(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            where = f"cannot connect to {self._client.base_url}"
            raise TransportError(_why(error, where), sent=False) from None
        except (httpx.RequestError, TimeoutError) as error:
            raise TransportError(_why(error, "no whole answer"), sent=True) from None
        if answer.status_code != _OK:
            # Some servers tell the request's headers back, and what they say is shown.
            body = body.replace(self._token.reveal().encode(), b"***")
        return Response(answer.status_code, answer.headers, body)


@asynccontextmanager
async def connect(
    base_url: str, token: Secret, *, at_most: int, app: "ASGIApp | None" = None
) -> AsyncGenerator[Http]:
    """A client of the API at `base_url` with at most so many connections.

    With `app`, an ASGI application answers in process, and no socket is opened. Proxies and
    certificate authorities come from the environment; redirects are never followed.
    """
    limits = httpx.Limits(max_connections=at_most, max_keepalive_connections=at_most)
    try:
        client = httpx.AsyncClient(
            base_url=base_url,
            auth=_Bearer(token),
            headers=_HEADERS,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=TOTAL_SECONDS),
            limits=limits,
            # http:// is for this machine alone; a proxy would be sent the token in clear.
            trust_env=base_url.startswith("https:"),
            transport=None if app is None else httpx.ASGITransport(app),
        )
        client.build_request("GET", "/")  # which is where a bad host name comes to light
    except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"the proxy, certificates or address of the environment cannot be used: {error}"
        ) from None
    async with client:
        yield Http(client, token)


class _Bearer(httpx.Auth):
    """Puts the token into the request at the last moment, so that no dict of headers holds it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["authorization"] = f"Bearer {self._token.reveal()}"
        yield request


async def _body(answer: httpx.Response) -> bytes:
    if answer.headers.get("content-encoding", "") not in ("", "identity"):
        raise httpx.DecodingError("the answer is compressed, which was not asked for")
    chunks, size = [], 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise httpx.ReadError(f"the answer is longer than {MAX_BODY_BYTES:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _why(error: Exception, what: str) -> str:
    name = "timed out" if isinstance(error, httpx.TimeoutException | TimeoutError) else str(error)
    return f"{what}: {name or type(error).__name__}"
