"""What httpx is kept from doing, over a real socket that misbehaves."""

import asyncio
import gzip
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from msgspec import structs

from reconciler.client import http
from reconciler.client.transport import Request, Response, TransportError
from reconciler.credentials import Secret
from reconciler.errors import ConfigError

TOKEN = "canary-7f3a9b1c"
GET = Request("GET", "/sms/messages/x")
PATCH = Request("PATCH", "/sms/messages/x", body=b'{"user_data":"a"}')

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def exchange(
    speak: Speak,
    *requests: Request,
    tls: ssl.SSLContext | None = None,
    scheme: str = "http",
    renew: Callable[[], Secret | None] = lambda: None,
) -> list[Response | TransportError]:
    """What a client makes of a server that speaks raw bytes."""

    async def run() -> list[Response | TransportError]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            handled.append(asyncio.current_task())
            with suppress(ConnectionError):
                await speak(reader, writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

        handled: list[asyncio.Task[None] | None] = []

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        found: list[Response | TransportError] = []
        async with (
            server,
            http.connect(f"{scheme}://127.0.0.1:{port}/core/v2", Secret(TOKEN)) as api,
        ):
            api.renew = renew
            for request in requests:
                try:
                    found.append(await api.send(request))
                except TransportError as error:
                    found.append(error)
        await asyncio.gather(*filter(None, handled))
        return found

    return asyncio.run(run())


def answer(data: bytes, seen: list[bytes] | None = None) -> Speak:
    """A server that reads one request's head and says `data`, whatever was asked."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(data)
        await writer.drain()

    return speak


def with_length(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    head = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def test_a_request_carries_the_token_and_asks_for_plain_json() -> None:
    seen: list[bytes] = []
    (response,) = exchange(answer(with_length(b"{}", b"Retry-After: 1"), seen), PATCH)

    assert isinstance(response, Response)
    assert (response.status, response.body, response.headers["retry-after"]) == (
        200,
        b"{}",
        "1",
    )
    head = seen[0].lower()
    assert head.startswith(b"patch /core/v2/sms/messages/x http/1.1\r\n")
    assert b"authorization: bearer " + TOKEN.encode() in head
    assert b"accept-encoding: identity" in head
    assert b"content-type: application/json" in head


def test_a_redirect_is_an_answer_and_is_never_followed() -> None:
    seen: list[bytes] = []
    redirect = with_length(b"", b"location: http://127.0.0.1:1/", status=b"303 See Other")
    (response,) = exchange(answer(redirect, seen), PATCH)

    assert isinstance(response, Response)
    assert response.status == 303
    assert len(seen) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        with_length(gzip.compress(b"{}", mtime=0), b"content-encoding: gzip"),
    ],
)
def test_a_broken_answer_is_none_and_the_request_may_have_arrived(data: bytes) -> None:
    (error,) = exchange(answer(data), PATCH)

    assert isinstance(error, TransportError)
    assert error.sent
    assert TOKEN not in str(error)


@pytest.mark.parametrize("before", [True, False])
def test_a_connection_that_is_reset_is_no_answer(before: bool) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not before:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            await writer.drain()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    (error,) = exchange(speak, PATCH)

    assert isinstance(error, TransportError)
    assert error.sent


def test_a_certificate_that_nobody_signed_gets_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    seen: list[bytes] = []

    (error,) = exchange(answer(with_length(b"{}"), seen), GET, tls=context, scheme="https")

    assert isinstance(error, TransportError)
    assert not error.sent
    assert "certificate" in str(error).lower()
    assert seen == []
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    (response,) = exchange(answer(with_length(b"{}"), seen), GET, tls=context, scheme="https")
    assert isinstance(response, Response)
    assert TOKEN.encode() in seen[0]


def test_tls_to_a_plain_port_sends_nothing() -> None:
    seen: list[bytes] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(10_000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    (error,) = exchange(speak, GET, scheme="https")

    assert isinstance(error, TransportError)
    assert not error.sent
    assert TOKEN.encode() not in b"".join(seen)


@pytest.mark.parametrize("token", [TOKEN, 'abc/def+canary"99', "back\\slash-canary"])
def test_an_answer_that_tells_the_request_back_does_not_show_the_token(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setitem(globals(), "TOKEN", token)
    escaped = json.dumps(token)[1:-1]
    for said in (token, escaped, escaped.replace("/", "\\/")):
        body = f'{{"message":"bad header: Bearer {said}"}}'.encode()
        for data in (
            with_length(body, status=b"400 Bad Request"),
            with_length(b"", b"content-type: text/html; " + said.encode()),
            b"HTTP/1.1 200 OK\r\nauthorization Bearer " + said.encode() + b"\r\n\r\n",
            b"HTTP/1.1 " + said.encode() + b"\r\n\r\n",
        ):
            (result,) = exchange(answer(data), GET)
            shown = f"{result} {getattr(result, 'body', b'').decode()}"
            assert said not in shown
            assert token not in shown


def test_a_proxy_may_be_named_as_curl_reads_it_and_its_password_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask(proxy: str) -> str:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        try:
            async with http.connect("https://api.example.com", Secret(TOKEN)) as api:
                await api.send(GET)
        except (ConfigError, TransportError) as error:
            return str(error)
        return ""

    seen: list[bytes] = []

    async def run() -> list[str]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            refused = await ask(f"user:s3cr3tpw@127.0.0.1:{port}")
            bad = await ask("ftp://user:s3cr3tpw@127.0.0.1:9")
            return [refused, bad]

    refused, bad = asyncio.run(run())
    assert seen[0].startswith(b"CONNECT api.example.com:443")
    assert TOKEN.encode() not in seen[0]
    assert refused.startswith("cannot connect to https://api.example.com: 407")
    assert bad == "HTTPS_PROXY: expected something like http://proxy:3128"
    assert "s3cr3tpw" not in refused


def test_requests_are_told_apart_by_the_run_and_a_number() -> None:
    seen: list[bytes] = []

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(2):
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(with_length(b"{}"))
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, http.connect(f"http://127.0.0.1:{port}", Secret(TOKEN), run="ab") as api:
            for number in (1, 2):
                await api.send(structs.replace(GET, number=number))

    asyncio.run(run())
    for number, head in enumerate(seen, 1):
        assert f"x-request-id: ab-{number}".encode() in head.lower()
        assert b"(run ab)" in head


def test_nobody_there_means_nothing_was_sent() -> None:
    async def run() -> TransportError:
        async with http.connect("http://127.0.0.1:9", Secret(TOKEN)) as api:
            with pytest.raises(TransportError) as caught:
                await api.send(PATCH)
            return caught.value

    error = asyncio.run(run())
    assert not error.sent
    assert str(error).startswith("cannot connect to http://127.0.0.1:9")


def test_a_body_that_drips_ends_at_the_total_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.3)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    (error,) = exchange(speak, GET)

    assert isinstance(error, TransportError)
    assert str(error) == "no whole answer: timed out"
    assert error.sent


def test_a_body_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 100_000)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    (error,) = exchange(speak, GET)

    assert isinstance(error, TransportError)
    assert "longer than 100,000 bytes" in str(error)


ESCAPED = "".join(f"\\u{ord(character):04x}" for character in TOKEN)


@pytest.mark.parametrize("written", [TOKEN, ESCAPED, ESCAPED.upper().replace("\\U", "\\u")])
@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found", b"500 Oops"])
@pytest.mark.parametrize(
    "body",
    ['{{"message_sid":"{}"}}', '{{"user_data":"a{}b"}}', '{{"errors":[{{"message":"{}"}}]}}'],
)
def test_an_answer_that_quotes_the_token_in_any_way_is_not_passed_on(
    body: str, status: bytes, written: str
) -> None:
    speak = answer(with_length(body.format(written).encode(), status=status))

    (found,) = exchange(speak, GET)

    assert isinstance(found, Response)
    assert TOKEN not in json.dumps(json.loads(found.body))
    assert found.status == int(status[:3])


def test_a_second_answer_that_was_not_asked_for_is_not_that_of_the_next_request() -> None:
    """Bytes that are left over on a connection close it."""
    first, second = with_length(b'{"n":1}'), with_length(b'{"n":2}')

    found = exchange(answer(first + first), GET)
    later = exchange(_twice(first, second), GET, PATCH)

    assert [getattr(one, "body", b"") for one in found] == [b'{"n":1}']
    assert [getattr(one, "body", b"") for one in later] == [b'{"n":1}', b'{"n":2}']


def _twice(first: bytes, second: bytes) -> Speak:
    """A server that gives its first answer twice; each later connection gets the second one."""
    connections = 0

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(first + first if connections == 1 else second)
        await writer.drain()

    return speak


def test_after_a_401_the_token_is_read_again_once() -> None:
    seen: list[bytes] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        status = b"200 OK" if b"new-token" in head else b"401 No"
        writer.write(with_length(b"{}", b"connection: close", status=status))
        await writer.drain()

    def ask(renewed: str) -> list[int]:
        seen.clear()
        found = exchange(speak, PATCH, GET, renew=lambda: Secret(renewed))
        return [one.status for one in found if isinstance(one, Response)]

    assert ask("new-token-1") == [200, 200]
    assert len(seen) == 3
    assert ask(TOKEN) == [401, 401]
    assert len(seen) == 2
