"""A transport -> the same transport with limits: requests at once, requests a second, Retry-After.

One throttle limits all requests of a client. The API publishes no limit, so the number of requests
at once follows its responses: halved after a 429 or 503, raised slowly after other responses (like
TCP's congestion control, RFC 5681), never above the ceiling. Retry-After holds every request.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from reconciler.client.transport import Clock, GivenUpError, HeldError, Request, Response, Transport

# The run gives up if one Retry-After is longer than this: a person is waiting for the plan.
MAX_RETRY_AFTER_SECONDS = 120.0
# The run gives up if all Retry-After times together are longer than this.
MAX_TOTAL_HOLD_SECONDS = 600.0

# A write that waited longer than this is not sent: the value read before it may be out of date.
MAX_READ_AGE_SECONDS = 2.0

_PUSHED_BACK = (429, 503)
_SECONDS = re.compile(r"[0-9]{1,9}")


class Start(NamedTuple):
    """The start of a request."""

    at: float
    """When the request begins, in seconds of the run's clock."""
    held: bool
    """Whether the request had to wait because of Retry-After."""


class Throttle:
    """The limits of one client, and their current state.

    `ceiling` is the most requests at once, at least 1. `requests_per_second` is the most requests
    started in a second; None means no limit. `on_hold` is called with the seconds to wait when
    Retry-After holds the run for at least one second more.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ceiling: int,
        requests_per_second: float | None = None,
        on_hold: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._on_hold = on_hold
        self._ceiling = ceiling
        self._interval = 1 / requests_per_second if requests_per_second else 0.0
        self._limit = float(ceiling)
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next_start = 0.0
        self._held_until = 0.0
        self._held_seconds = 0.0
        self._halved_at = 0.0
        self._gave_up = ""

    @asynccontextmanager
    async def slot(self, *, urgent: bool = False) -> AsyncIterator[Start]:
        """Waits until another request may start, and counts it as in flight inside the block.

        An urgent request starts before those that wait, and does not wait for the rate limit; the
        later ones wait longer instead. Raises GivenUpError if Retry-After exceeded a limit.
        """
        # Not `if`: a new request can take the slot before the woken one resumes.
        while self._in_flight >= int(self._limit):
            free = asyncio.get_running_loop().create_future()
            if urgent:
                self._waiting.appendleft(free)
            else:
                self._waiting.append(free)
            await free
        self._in_flight += 1
        try:
            held = await self._wait(urgent=urgent)
            yield Start(self._clock.now(), held)
        finally:
            self._in_flight -= 1
            self._wake()

    def now(self) -> float:
        """Seconds of the run's clock."""
        return self._clock.now()

    def grow(self) -> None:
        """Raises the limit after a response: by 1 for each round of as many responses."""
        self._limit = min(self._ceiling, self._limit + 1 / self._limit)
        self._wake()

    def shrink(self, began: float, seconds: float | None) -> None:
        """Halves the limit after a 429 or 503, and holds all requests for `seconds`.

        `began` is when the request began. Requests that began before the last halving do not halve
        the limit again. `seconds` is the Retry-After; None if the response has none.
        """
        now = self._clock.now()
        if began >= self._halved_at:
            self._limit, self._halved_at = max(1.0, self._limit / 2), now
        if seconds is None:
            return
        until = max(self._held_until, now + seconds)
        # Overlapping waits count once towards MAX_TOTAL_HOLD_SECONDS.
        longer = until - max(self._held_until, now)
        self._held_until, self._held_seconds = until, self._held_seconds + longer
        if seconds > MAX_RETRY_AFTER_SECONDS or self._held_seconds > MAX_TOTAL_HOLD_SECONDS:
            self._gave_up = f"the API asks to wait {seconds:,.0f} s: given up"
        elif longer >= 1:
            self._on_hold(until - now)

    async def _wait(self, *, urgent: bool) -> bool:
        """Waits for the next start; returns whether Retry-After was the reason for a wait."""
        held = False
        while True:
            if self._gave_up:
                raise GivenUpError(self._gave_up, sent=False)
            now = self._clock.now()
            if now < self._held_until:
                held = True
                # The loop checks again, as a response can extend the hold during the sleep.
                await self._clock.sleep(self._held_until - now)
                continue
            start = max(now, self._next_start)
            self._next_start = start + self._interval
            if start > now and not urgent:
                await self._clock.sleep(start - now)
            if self._clock.now() >= self._held_until:
                return held

    def _wake(self) -> None:
        """Wakes the first waiting request if the limit allows another one in flight."""
        while self._waiting and self._in_flight < int(self._limit):
            free = self._waiting.popleft()
            # Done here means cancelled: such a request must not use up the free slot.
            if not free.done():
                free.set_result(None)
                return


class Throttled:
    """Sends every request within the limits, and adapts them to its response."""

    def __init__(self, inner: Transport, throttle: Throttle) -> None:
        self._inner = inner
        self._throttle = throttle

    async def send(self, request: Request) -> Response:
        """The response, with any status; a 429 or 503 slows down all later requests.

        A write has priority over reads, because it depends on a value that was just read. Raises
        HeldError, without sending, if a write was held by Retry-After or waited longer than
        MAX_READ_AGE_SECONDS: another client may have changed the record since the read.
        """
        writes = request.method != "GET"
        asked = self._throttle.now()
        async with self._throttle.slot(urgent=writes) as start:
            if writes and (start.held or start.at - asked > MAX_READ_AGE_SECONDS):
                raise HeldError("not sent: it had to wait", sent=False)
            response = await self._inner.send(request)
        if response.status in _PUSHED_BACK:
            self._throttle.shrink(start.at, retry_after(response))
        else:
            self._throttle.grow()
        return response


def retry_after(response: Response) -> float | None:
    """The seconds to wait that a response asks for (RFC 9110, 10.2.3).

    None if Retry-After is missing or invalid. A date is compared with the response's own `Date`,
    because the clock of this machine may be wrong; without a `Date` it is None too.
    """
    text = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        then, now = _moment(text), _moment(response.headers.get("date", ""))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _moment(text: str) -> datetime:
    """A date in one of HTTP's three formats (RFC 9110, 5.6.7); one has no zone and means UTC."""
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
