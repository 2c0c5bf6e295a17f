"""A request -> a response, over HTTP/1.1. The only module of the API client that imports httpx.

httpx alone has three risks: a slow body has no total timeout, a compressed body has no size limit,
and the error for an invalid header contains the token. The first two are handled here, the third
where the token is checked (credentials).

Every request in flight has its own transport, and so its own connection: httpx's pool walks all
connections for each request, and is slower with many concurrent requests than with few. Transports
are used directly, because redirects and cookies, which httpx's client adds, are not wanted.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, suppress
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
# For the whole exchange: httpx's read timeout restarts with every byte that arrives.
TOTAL_SECONDS = 30.0

# A larger body is refused. A page of 1,000 records is about 1 MB.
MAX_BODY_BYTES = 16 * 1024 * 1024

_OK = 200
_UNAUTHORIZED = 401
# The only headers that are read.
_READ_HEADERS = ("content-type", "date", "retry-after")
# Errors that prove that the API did not receive the request.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_EXTENSIONS = {"timeout": httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS).as_dict()}


class Http:
    """Sends requests to one base URL; created by `connect`."""

    def __init__(
        self,
        base_url: str,
        token: Secret,
        run: str,
        new_transport: Callable[[], httpx.AsyncBaseTransport],
    ) -> None:
        self._base_url = base_url
        self._token = token
        self.renew: Callable[[], Secret | None] = lambda: None
        """Reads the token again after a 401; None if it cannot have changed."""
        self._run = run
        self._new_transport = new_transport
        self._transports: list[httpx.AsyncBaseTransport] = []
        self._idle: list[httpx.AsyncBaseTransport] = []

    async def send(self, request: Request) -> Response:
        """The response, with any status. Raises TransportError if there is no complete one.

        After a 401 the token is read again, once, and a new one is tried: a 401 proves that nothing
        was done.
        """
        token = self._token
        response = await self._send(request)
        if response.status != _UNAUTHORIZED:
            return response
        if self._token is token:
            with suppress(ConfigError):
                self._token = self.renew() or token
        same = self._token.reveal() == token.reveal()
        return response if same else await self._send(request)

    async def _send(self, request: Request) -> Response:
        transport = self._idle.pop() if self._idle else self._another()
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                answer = await transport.handle_async_request(self._built(request))
                try:
                    body = await _body(answer)
                finally:
                    await answer.aclose()
        # Before RequestError, the base class of these errors: `sent` must be False for them.
        except _NOT_SENT as error:
            why = _why(error, f"cannot connect to {self._base_url}")
            raise TransportError(self._token.redacted(why), sent=False) from None
        except (httpx.RequestError, TimeoutError) as error:
            why = _why(error, "no whole answer")
            raise TransportError(self._token.redacted(why), sent=True) from None
        finally:
            self._idle.append(transport)
        # An answer may repeat the request, and with it the token: in an error, as a SID or in a
        # value. With the token cut out a 200 would say something else: it is not used.
        if answer.status_code != _OK:
            # latin-1 keeps every byte.
            body = self._token.redacted(body.decode("latin-1")).encode("latin-1")
        if self._token.is_in(body):
            body = b'{"message":"the answer quotes the token and is not used"}'
        return Response(answer.status_code, self._headers(answer), body)

    def _headers(self, answer: httpx.Response) -> dict[str, str]:
        """The headers that are read, without the token."""
        return {
            name: self._token.redacted(answer.headers[name])
            for name in _READ_HEADERS
            if name in answer.headers
        }

    def _another(self) -> httpx.AsyncBaseTransport:
        transport = self._new_transport()
        self._transports.append(transport)
        return transport

    def _built(self, request: Request) -> httpx.Request:
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {
            "accept": "application/json",
            # No compression: a small compressed body can expand to gigabytes before any size limit.
            "accept-encoding": "identity",
            "user-agent": f"reconciler/{__version__} (run {self._run})",
            "x-request-id": f"{self._run}-{request.number}",
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
        return next(_Bearer(self._token).auth_flow(built))

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
    """A client of the API at `base_url`; closes its connections at the end of the block.

    `run` identifies the requests in the API's logs (`User-Agent`, `X-Request-Id`). With `app`, an
    ASGI application answers in process; with `transport`, that transport answers. Proxies and
    certificate authorities come from the environment; redirects are never followed. Raises
    ConfigError if the certificates, the proxy or the host name cannot be used.
    """
    if app is not None:
        transport = httpx.ASGITransport(app)
    try:
        new_transport = _sockets(base_url) if transport is None else _always(transport)
        http = Http(base_url, token, run, new_transport)
        httpx.Request("GET", base_url)  # raises InvalidURL for an invalid host name
    except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"the certificates or the base URL of the environment cannot be used: {error}"
        ) from None
    try:
        yield http
    finally:
        await http.close()


def _always(transport: httpx.AsyncBaseTransport) -> Callable[[], httpx.AsyncBaseTransport]:
    return lambda: transport


def _sockets(base_url: str) -> Callable[[], httpx.AsyncBaseTransport]:
    """A factory of transports to one host, through the environment's proxy if it applies."""
    url = urlsplit(base_url)
    proxy = None
    if url.scheme == "https":
        # Loaded once for all transports: loading the certificates takes longer than a request.
        context = httpx.create_ssl_context()
        if not proxy_bypass(url.hostname or ""):
            proxy = _proxy()
    else:
        # Plain http:// is allowed for the local machine only: no proxy may see the token. The
        # context trusts no certificate authority, and no certificate is ever requested.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)

    def new_transport() -> httpx.AsyncBaseTransport:
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)

    return new_transport


def _proxy() -> httpx.Proxy | None:
    """The environment's proxy for https, read as curl reads it; otherwise None.

    Raises ConfigError for an unusable address; the message does not contain the proxy's password.
    """
    proxies = getproxies()
    address = proxies.get("https") or proxies.get("all")
    if not address:
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
        # SOCKS without the package `socksio` raises ImportError here, not in the first request.
        httpx.AsyncHTTPTransport(proxy=proxy)
    except (ValueError, ImportError, httpx.InvalidURL):
        raise ConfigError("HTTPS_PROXY: expected something like http://proxy:3128") from None
    return proxy


class _Bearer(httpx.Auth):
    """Adds the token to a request right before it is sent, so that no dict of headers holds it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["authorization"] = f"Bearer {self._token.reveal()}"
        yield request


async def _body(answer: httpx.Response) -> bytes:
    """The whole body. Raises httpx errors if it is compressed or too long."""
    if answer.headers.get("content-encoding", "") not in ("", "identity"):
        raise httpx.DecodingError("the answer is compressed, although no compression was requested")
    chunks, size = [], 0
    async for chunk in _stream(answer):
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise httpx.ReadError(f"the answer is longer than {MAX_BODY_BYTES:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _stream(answer: httpx.Response) -> httpx.AsyncByteStream:
    """The undecoded body of a response."""
    # Only for the type checker: an asynchronous transport always returns such a stream.
    if not isinstance(answer.stream, httpx.AsyncByteStream):
        raise TypeError(type(answer.stream))
    return answer.stream


def _why(error: Exception, what: str) -> str:
    name = "timed out" if isinstance(error, httpx.TimeoutException | TimeoutError) else str(error)
    return f"{what}: {name or type(error).__name__}"
