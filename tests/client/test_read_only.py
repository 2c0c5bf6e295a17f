"""A dry run cannot write."""

import asyncio
from typing import Any

import pytest

from reconciler.client.read_only import ReadOnly
from reconciler.client.transport import Request, Response
from reconciler.errors import WriteRefusedError


class Recorder:
    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        return Response(200, {}, b"{}")


def test_a_get_goes_through() -> None:
    inner = Recorder()
    request = Request("GET", "/sms/messages/x")

    asyncio.run(ReadOnly(inner).send(request))

    assert inner.requests == [request]


@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST", "DELETE", "get"])
def test_anything_else_never_leaves(method: Any) -> None:
    inner = Recorder()

    with pytest.raises(WriteRefusedError, match="may only read"):
        asyncio.run(ReadOnly(inner).send(Request(method, "/sms/messages/x")))
    assert inner.requests == []
