"""How many requests at once, how many a second, and when none at all: manners under load.

One pace holds for a whole run. The API publishes no limit, so the number of requests at once
follows its answers: halved when it pushes back (429, 503), grown slowly while it answers, never
above the ceiling. What it asks us to wait, everybody waits.
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

# An API that asks for more is not coming back while somebody waits for a plan.
MAX_HOLD_SECONDS = 120.0
# Nor is one that asks for a little again and again.
MAX_HELD_SECONDS = 600.0

# What a record held so long ago, it may hold no more.
MAX_LOOK_AGE_SECONDS = 2.0

_PUSHED_BACK = (429, 503)
_SECONDS = re.compile(r"[0-9]{1,9}")


class Start(NamedTuple):
    """When a request begins, and whether it had to wait because the API asked for it."""

    at: float
    held: bool


class Throttle:
    """The run's own measure of how fast to go."""

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
        """A place among the requests under way, once it is time for another one.

        An urgent one goes before those that wait, and takes its time from theirs. Raises
        GivenUpError where the API asked for more patience than anybody has.
        """
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
        """The time by the clock of the run."""
        return self._clock.now()

    def grow(self) -> None:
        """After an answer: one more at once for each round of answers."""
        self._limit = min(self._ceiling, self._limit + 1 / self._limit)
        self._wake()

    def shrink(self, began: float, seconds: float | None) -> None:
        """After a push-back: half as many, and none before the API's own time.

        `began` is when the request began: those that were under way when the number was halved
        push back because of what was before, and do not halve it again.
        """
        now = self._clock.now()
        if began >= self._halved_at:
            self._limit, self._halved_at = max(1.0, self._limit / 2), now
        if seconds is None:
            return
        until = max(self._held_until, now + seconds)
        longer = until - max(self._held_until, now)
        self._held_until, self._held_seconds = until, self._held_seconds + longer
        if seconds > MAX_HOLD_SECONDS or self._held_seconds > MAX_HELD_SECONDS:
            self._gave_up = f"the API asks to wait {seconds:,.0f} s: given up"
        elif longer >= 1:
            self._on_hold(until - now)

    async def _wait(self, *, urgent: bool) -> bool:
        """Until the next start is due; whether the API asked to wait until then."""
        held = False
        while True:
            if self._gave_up:
                raise GivenUpError(self._gave_up, sent=False)
            now = self._clock.now()
            if now < self._held_until:
                held = True
                await self._clock.sleep(self._held_until - now)
                continue
            start = max(now, self._next_start)
            self._next_start = start + self._interval
            if start > now and not urgent:
                await self._clock.sleep(start - now)
            if self._clock.now() >= self._held_until:
                return held

    def _wake(self) -> None:
        while self._waiting and self._in_flight < int(self._limit):
            free = self._waiting.popleft()
            if not free.done():
                free.set_result(None)
                return


class Throttled:
    """Sends every request at the run's pace, and tells the pace how it went."""

    def __init__(self, inner: Transport, throttle: Throttle) -> None:
        self._inner = inner
        self._throttle = throttle

    async def send(self, request: Request) -> Response:
        """The answer, whatever it is; a push-back slows down all that come after it.

        A write goes first, since it follows a look. If it had to wait all the same it is not sent
        (HeldError): somebody may have changed meanwhile what it was to replace.
        """
        writes = request.method != "GET"
        asked = self._throttle.now()
        async with self._throttle.slot(urgent=writes) as start:
            if writes and (start.held or start.at - asked > MAX_LOOK_AGE_SECONDS):
                raise HeldError("not sent: it had to wait", sent=False)
            response = await self._inner.send(request)
        if response.status in _PUSHED_BACK:
            self._throttle.shrink(start.at, retry_after(response))
        else:
            self._throttle.grow()
        return response


def retry_after(response: Response) -> float | None:
    """The seconds that an answer asks to wait (RFC 9110, 10.2.3), None where it does not say.

    A date is measured against the answer's own `Date`: the clock of this machine may be wrong.
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
    """A date in one of HTTP's three forms, of which one names no zone but means this one."""
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
