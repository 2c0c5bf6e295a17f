"""Requests to the API -> log lines, as text or JSON, without token and body."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import msgspec

from reconciler.client.instrumented import Exchange
from reconciler.escape.text import in_json, visible

LogFormat: TypeAlias = Literal["text", "json"]


def text(exchange: Exchange) -> str:
    """`GET /sms/messages 200 12.3 ms`, with the number of the attempt if it is not the first."""
    outcome = exchange.status or visible(exchange.error)
    again = f" (attempt {exchange.attempt})" if exchange.attempt > 1 else ""
    took = f"{exchange.milliseconds:.1f} ms"
    return f"{exchange.method} {exchange.path} {outcome} {took}{again}"


def json(exchange: Exchange) -> str:
    """One JSON object in one line, without its newline."""
    members = {"level": "info", "message": "request", **msgspec.to_builtins(exchange)}
    # In CI these lines are in the job's log, where `::` in an error could start a command.
    return in_json(msgspec.json.encode(members).decode())


LOGS: Mapping[LogFormat, Callable[[Exchange], str]] = {"text": text, "json": json}
