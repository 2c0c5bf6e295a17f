"""An ASGI application -> the same one on a bad day: late, failing, or cut off."""

import asyncio
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.faults import Fault, FaultSampler

# Longer than a client should wait for one answer.
SLOW_SECONDS = 40.0

_RETRY_AFTER = {"retry-after": "1"}
_TOO_MANY_REQUESTS = 429


class FaultInjection:
    """Delays every answer and lets a share of the requests meet a fault."""

    def __init__(self, app: ASGIApp, latency_seconds: float, faults: FaultSampler) -> None:
        self._app = app
        self._latency_seconds = latency_seconds
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
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
        """Carries the request out, then loses its answer in the fault's own way."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)
        if fault.name == "status":
            await _error(fault)(scope, receive, send)
        elif fault.name == "html":
            await HTMLResponse("<html><body>Gateway</body></html>")(scope, receive, send)
        elif fault.name == "slow":
            await asyncio.sleep(SLOW_SECONDS)
            for message in answer:
                await send(message)
        else:
            await _send_half(answer, send)


async def _send_half(answer: list[Message], send: Send) -> None:
    """The header with the whole length and half the body; the server then closes the connection."""
    start, body = answer[0], answer[1]["body"]
    await send(start)
    half: dict[str, Any] = {"type": "http.response.body", "more_body": True}
    await send(half | {"body": body[: len(body) // 2]})


def _error(fault: Fault) -> JSONResponse:
    headers = _RETRY_AFTER if fault.status == _TOO_MANY_REQUESTS else {}
    return JSONResponse({"message": "fault", "errors": []}, fault.status, headers)
