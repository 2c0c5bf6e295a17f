"""An ASGI application -> the same one with delays, error responses and broken connections."""

import asyncio
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.faults import Fault, FaultSampler

# A response of the fault `slow` comes later than a client should wait for it.
# The project's own client gives up after 30 s (TOTAL_SECONDS in client/http.py).
SLOW_SECONDS = 40.0

# RFC 6585, section 4: a 429 may say in Retry-After how long to wait, in seconds.
_RETRY_AFTER = {"retry-after": "1"}
_TOO_MANY_REQUESTS = 429


class FaultInjection:
    """Delays every response and injects a fault into a share of the requests."""

    def __init__(self, app: ASGIApp, latency_seconds: float, faults: FaultSampler) -> None:
        self._app = app
        self._latency_seconds = latency_seconds
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(self._latency_seconds)
        fault = self._faults.draw()
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.after:
            await self._strike_after(fault, scope, receive, send)
        else:
            await _error(fault)(scope, receive, send)

    async def _strike_after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Carries out the request, then replaces, delays or cuts its response."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)
        if fault.name == "status":
            await _error(fault)(scope, receive, send)
        elif fault.name == "html":
            # With status 200: a client must not take a proxy's page for a write that worked.
            await HTMLResponse("<html><body>Gateway</body></html>")(scope, receive, send)
        elif fault.name == "slow":
            await asyncio.sleep(SLOW_SECONDS)
            for message in answer:
                await send(message)
        else:
            await _send_half(answer, send)


async def _send_half(answer: list[Message], send: Send) -> None:
    """Sends half of the body after headers with the full Content-Length.

    The server then closes the connection, because the application did not send the rest.
    """
    start, body = answer[0], answer[1]["body"]
    await send(start)
    half: dict[str, Any] = {"type": "http.response.body", "more_body": True}
    await send(half | {"body": body[: len(body) // 2]})


def _error(fault: Fault) -> JSONResponse:
    """An error response with the status of the fault, in the form of the API's errors."""
    headers = _RETRY_AFTER if fault.status == _TOO_MANY_REQUESTS else {}
    return JSONResponse({"message": "fault", "errors": []}, fault.status, headers)
