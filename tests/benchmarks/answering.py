"""A server that answers every GET at once (or after so many ms) with one small JSON object.

A PATCH is answered with the value that it carries; nothing is kept. It does nothing else, so that
what is measured against it is the client.
`python answering.py LATENCY_MS`; it prints its port.
"""

import asyncio
import sys

BODY = b'{"message_sid":"%s","user_data":%s,"date_changed":"2024-01-06T15:18:30.084Z"}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
SID_CHARS = 36


class Answering(asyncio.Protocol):
    """HTTP/1.1 as far as it takes."""

    latency_seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while (request := self._whole()) is not None:
            head, content = request
            path = head.split(b" ", 2)[1].partition(b"?")[0]
            value = content.partition(b":")[2][:-1] or b'"text"'
            body = BODY % (path[-SID_CHARS:], value)
            answer = HEAD % (len(body), body)
            if self.latency_seconds:
                asyncio.get_running_loop().call_later(self.latency_seconds, self._write, answer)
            else:
                self._write(answer)

    def _whole(self) -> tuple[bytes, bytes] | None:
        """The head and the body of the next request, once it is all there."""
        head, blank, rest = self.rest.partition(b"\r\n\r\n")
        stated = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
        size = int(stated or 0)
        if not blank or len(rest) < size:
            return None
        self.rest = rest[size:]
        return head, rest[:size]

    def _write(self, answer: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(answer)


async def main(latency_ms: float) -> None:
    Answering.latency_seconds = latency_ms / 1000
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
