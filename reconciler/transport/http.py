"""The API over HTTP/1.1 (the only door to httpx).

httpx by itself waits for ever on a body that drips, inflates any archive, and tells the token in
the error for a bad header; each is closed here or where the token is checked. Its pool walks all
connections for each request, so that many at once are slower than few: here every request under way
has a client, and so a connection, of its own.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager
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


class Http:
    """Sends requests to one base URL; made by `connect`."""

    def __init__(
        self, new_client: Callable[[], httpx.AsyncClient], token: Secret, run: str
    ) -> None:
        self._new_client = new_client
        self._token = token
        self._run = run
        self._requests = 0
        self._idle: list[httpx.AsyncClient] = []
        self._clients = AsyncExitStack()

    async def send(self, request: Request) -> Response:
        """The API's answer, whatever its status; TransportError where there is none."""
        client = self._idle.pop() if self._idle else await self._another()
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                answer = await client.send(self._built(client, request), stream=True)
                try:
                    body = await _body(answer)
                finally:
                    await answer.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            where = f"cannot connect to {client.base_url}"
            raise TransportError(_why(error, where), sent=False) from None
        except (httpx.RequestError, TimeoutError) as error:
            raise TransportError(_why(error, "no whole answer"), sent=True) from None
        finally:
            self._idle.append(client)
        if answer.status_code != _OK:
            # Some servers tell the request's headers back, and what they say is shown.
            body = body.replace(self._token.reveal().encode(), b"***")
        return Response(answer.status_code, answer.headers, body)

    async def _another(self) -> httpx.AsyncClient:
        return await self._clients.enter_async_context(self._new_client())

    def _built(self, client: httpx.AsyncClient, request: Request) -> httpx.Request:
        self._requests += 1
        headers = {"x-request-id": f"{self._run}-{self._requests}"}
        if request.body is not None:
            headers["content-type"] = "application/json"
        return client.build_request(
            request.method,
            request.path.removeprefix("/"),
            params=request.query or None,
            content=request.body,
            headers=headers,
        )

    async def close(self) -> None:
        """Closes every connection."""
        await self._clients.aclose()


@asynccontextmanager
async def connect(
    base_url: str,
    token: Secret,
    *,
    run: str = "",
    app: "ASGIApp | None" = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncGenerator[Http]:
    """A client of the API at `base_url`; `run` is what its requests are known by in the API's logs.

    With `app`, an ASGI application answers in process, and no socket is opened. Proxies and
    certificate authorities come from the environment; redirects are never followed.
    """
    inner = transport if app is None else httpx.ASGITransport(app)
    # http:// is for this machine alone; a proxy would be sent the token in clear.
    trust_environment = inner is None and base_url.startswith("https:")

    try:
        # Reading the certificates takes longer than a request: once for all clients, and for plain
        # http:// not at all (a context that trusts nobody).
        if trust_environment:
            verify = httpx.create_ssl_context()
        else:
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        defaults = {
            "accept": "application/json",
            # Plain bytes only: a small compressed body can inflate to gigabytes before any cap.
            "accept-encoding": "identity",
            "user-agent": f"reconciler/{__version__} (run {run})",
        }

        def new_client() -> httpx.AsyncClient:
            return httpx.AsyncClient(
                base_url=base_url,
                auth=_Bearer(token),
                headers=defaults,
                timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
                trust_env=trust_environment,
                verify=verify,
                transport=inner,
            )

        new_client().build_request("GET", "/")  # where a bad proxy or host name comes to light
    except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"the proxy, certificates or address of the environment cannot be used: {error}"
        ) from None
    http = Http(new_client, token, run)
    try:
        yield http
    finally:
        await http.close()


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
