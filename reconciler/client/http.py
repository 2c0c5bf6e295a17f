"""The API over HTTP/1.1 (the only door to httpx).

httpx by itself waits for ever on a body that drips, inflates any archive, and tells the token in
the error for a bad header; each is closed here or where the token is checked. Its pool walks all
connections for each request, so that many at once are slower than few: here every request under way
has a transport, and so a connection, of its own. What its client adds to a transport (redirects,
cookies) is not wanted.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from reconciler import __version__
from reconciler.client.transport import Request, Response, TransportError
from reconciler.credentials import Secret
from reconciler.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
# For a whole exchange: httpx's own limits are per read, and a body may drip a byte at a time.
TOTAL_SECONDS = 30.0

# A page of 1,000 records is about 1 MB; ten times that is no answer of this API.
MAX_BODY_BYTES = 16 * 1024 * 1024

_OK = 200
_LOOKED_AT = ("content-type", "date", "retry-after")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_EXTENSIONS = {"timeout": httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS).as_dict()}


class Http:
    """Sends requests to one base URL; made by `connect`."""

    def __init__(
        self,
        base_url: str,
        token: Secret,
        run: str,
        new_transport: Callable[[], httpx.AsyncBaseTransport],
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._auth = _Bearer(token)
        self._run = run
        self._new_transport = new_transport
        self._transports: list[httpx.AsyncBaseTransport] = []
        self._idle: list[httpx.AsyncBaseTransport] = []
        self._requests = 0

    async def send(self, request: Request) -> Response:
        """The API's answer, whatever its status; TransportError where there is none."""
        transport = self._idle.pop() if self._idle else self._another()
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                answer = await transport.handle_async_request(self._built(request))
                try:
                    body = await _body(answer)
                finally:
                    await answer.aclose()
        except _NOT_SENT as error:
            why = _why(error, f"cannot connect to {self._base_url}")
            raise TransportError(self._token.redacted(why), sent=False) from None
        except (httpx.RequestError, TimeoutError) as error:
            why = _why(error, "no whole answer")
            raise TransportError(self._token.redacted(why), sent=True) from None
        finally:
            self._idle.append(transport)
        if answer.status_code != _OK:
            body = self._token.redacted(body.decode("latin-1")).encode("latin-1")
        return Response(answer.status_code, self._headers(answer), body)

    def _headers(self, answer: httpx.Response) -> dict[str, str]:
        """The headers that are looked at."""
        return {
            name: self._token.redacted(answer.headers[name])
            for name in _LOOKED_AT
            if name in answer.headers
        }

    def _another(self) -> httpx.AsyncBaseTransport:
        transport = self._new_transport()
        self._transports.append(transport)
        return transport

    def _built(self, request: Request) -> httpx.Request:
        self._requests += 1
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {
            "accept": "application/json",
            # Plain bytes only: a small compressed body can inflate to gigabytes before any cap.
            "accept-encoding": "identity",
            "user-agent": f"reconciler/{__version__} (run {self._run})",
            "x-request-id": f"{self._run}-{self._requests}",
        }
        if request.body is not None:
            headers["content-type"] = "application/json"
        built = httpx.Request(
            request.method,
            f"{self._base_url}{request.path}{query}",
            headers=headers,
            content=request.body,
            extensions=_EXTENSIONS,
        )
        return next(self._auth.auth_flow(built))

    async def close(self) -> None:
        """Closes every connection."""
        for transport in self._transports:
            await transport.aclose()


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

    With `app`, an ASGI application answers in process; with `transport`, whatever that is. Proxies
    and certificate authorities come from the environment; redirects are never followed.
    """
    if app is not None:
        transport = httpx.ASGITransport(app)
    try:
        new_transport = _sockets(base_url) if transport is None else _always(transport)
        http = Http(base_url, token, run, new_transport)
        httpx.Request("GET", base_url)  # where a bad host name comes to light
    except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"the certificates or the address of the environment cannot be used: {error}"
        ) from None
    try:
        yield http
    finally:
        await http.close()


def _always(transport: httpx.AsyncBaseTransport) -> Callable[[], httpx.AsyncBaseTransport]:
    return lambda: transport


def _sockets(base_url: str) -> Callable[[], httpx.AsyncBaseTransport]:
    """Makes transports to one host, through the environment's proxy if there is one for it."""
    url = urlsplit(base_url)
    proxy = None
    if url.scheme == "https":
        # Reading the certificates takes longer than a request: once for all of them.
        context = httpx.create_ssl_context()
        if not proxy_bypass(url.hostname or ""):
            proxy = _proxy()
    else:
        # Plain http:// is for this machine alone: no proxy may see the token, and no certificate
        # is ever asked for (a context that trusts nobody).
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)

    def new_transport() -> httpx.AsyncBaseTransport:
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)

    return new_transport


def _proxy() -> httpx.Proxy | None:
    """The environment's proxy for https, as curl reads it; ConfigError without its password."""
    proxies = getproxies()
    address = proxies.get("https") or proxies.get("all")
    if not address:
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
        httpx.AsyncHTTPTransport(proxy=proxy)
    except (ValueError, ImportError, httpx.InvalidURL):
        raise ConfigError("HTTPS_PROXY: expected something like http://proxy:3128") from None
    return proxy


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
    async for chunk in _stream(answer):
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise httpx.ReadError(f"the answer is longer than {MAX_BODY_BYTES:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _stream(answer: httpx.Response) -> httpx.AsyncByteStream:
    """The body as an asynchronous transport gives it."""
    if not isinstance(answer.stream, httpx.AsyncByteStream):  # only a type says that it could be
        raise TypeError(type(answer.stream))
    return answer.stream


def _why(error: Exception, what: str) -> str:
    name = "timed out" if isinstance(error, httpx.TimeoutException | TimeoutError) else str(error)
    return f"{what}: {name or type(error).__name__}"
