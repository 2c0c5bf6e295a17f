"""Requests to the API -> log lines, as text or JSON, without token and body."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import msgspec

from reconciler.client.instrumented import Exchange
from reconciler.escape.text import in_json, visible

LogFormat: TypeAlias = Literal["text", "json"]


def text(exchange: Exchange, run: str, now: str) -> str:
    """`2026-01-05T09:14:00.123+00:00 3f9a-12 GET /sms/messages 200 12.3 ms`.

    `3f9a-12` is the run and the number of the request, as in its header X-Request-Id. The attempt
    is named if it is not the first.
    """
    outcome = exchange.status or visible(exchange.error)
    again = f" (attempt {exchange.attempt})" if exchange.attempt > 1 else ""
    took = f"{exchange.milliseconds:.1f} ms"
    sent = f"{exchange.method} {exchange.path}"
    return f"{now} {run}-{exchange.number} {sent} {outcome} {took}{again}"


def json(exchange: Exchange, run: str, now: str) -> str:
    """One JSON object in one line, without its newline."""
    facts = msgspec.to_builtins(exchange)
    request_id = f"{run}-{facts.pop('number')}"
    members = {
        "time": now,
        "level": "info",
        "message": "request",
        "run": run,
        "request_id": request_id,
        **facts,
    }
    # In CI these lines are in the job's log, where `::` in an error could start a command.
    return in_json(msgspec.json.encode(members).decode())


LOGS: Mapping[LogFormat, Callable[[Exchange, str, str], str]] = {"text": text, "json": json}
