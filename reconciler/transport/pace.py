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

from reconciler.errors import ApiError
from reconciler.transport import Clock, Request, Response, Transport

# An API that asks for more is not coming back while somebody waits for a plan.
MAX_HOLD_SECONDS = 120.0

_PUSHED_BACK = (429, 503)
_SECONDS = re.compile(r"[0-9]{1,9}")


class Pace:
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

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A place among the requests under way, once it is time for another one."""
        while self._in_flight >= int(self._limit):
            free = asyncio.get_running_loop().create_future()
            self._waiting.append(free)
            await free
        self._in_flight += 1
        try:
            await self._wait()
            yield
        finally:
            self._in_flight -= 1
            self._wake()

    def grow(self) -> None:
        """After an answer: one more at once for each round of answers."""
        self._limit = min(self._ceiling, self._limit + 1 / self._limit)
        self._wake()

    def shrink(self, seconds: float | None) -> None:
        """After a push-back: half as many, and none before the API's own time.

        Answers that were under way together push back together: they count once. Raises ApiError
        where the API asks for more patience than anybody has.
        """
        now = self._clock.now()
        if seconds is not None and seconds > MAX_HOLD_SECONDS:
            raise ApiError(f"the API asks to wait {seconds:,.0f} s before the next request")
        if now >= self._held_until:
            self._limit = max(1.0, self._limit / 2)
            if seconds:
                self._on_hold(seconds)
        if seconds is not None:
            self._held_until = max(self._held_until, now + seconds)

    async def _wait(self) -> None:
        """Until the next start is due and the API lets us go on."""
        start = max(self._clock.now(), self._next_start)
        self._next_start = start + self._interval
        while (left := max(start, self._held_until) - self._clock.now()) > 0:
            await self._clock.sleep(left)

    def _wake(self) -> None:
        while self._waiting and self._in_flight < int(self._limit):
            free = self._waiting.popleft()
            if not free.done():
                free.set_result(None)
                return


class Paced:
    """Sends every request at the run's pace, and tells the pace how it went."""

    def __init__(self, inner: Transport, pace: Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def send(self, request: Request) -> Response:
        """The answer, whatever it is; a push-back slows down all that come after it."""
        async with self._pace.slot():
            response = await self._inner.send(request)
        if response.status in _PUSHED_BACK:
            self._pace.shrink(retry_after(response))
        else:
            self._pace.grow()
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
