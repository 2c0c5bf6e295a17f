"""A transport -> the same transport with retries of reads; writes are sent once.

A write must not be repeated here: only another read can show whether the first one was done. The
executor does that (applying/executor.py).
"""

from collections.abc import Callable

from msgspec import structs

from reconciler.client.transport import (
    Clock,
    GivenUpError,
    Request,
    Response,
    Transport,
    TransportError,
)

MAX_ATTEMPTS = 6
# For failed connections before the first response: the address is then more likely wrong than busy.
MAX_FIRST_ATTEMPTS = 3

BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 20.0

# After this many failures in a row, and with no retry left, further requests are not sent.
MAX_FAILURES_IN_A_ROW = 50

# For all attempts of one request: a record that hangs must not hold up a run for minutes.
MAX_SECONDS = 60.0

_BUSY = frozenset((429, 500, 502, 503, 504))


class Budget:
    """The retries left to a whole run: at first 20 plus a tenth of its expected requests.

    Without a budget a total outage would cost six requests for each record.
    """

    def __init__(self, requests: int) -> None:
        self._left = 20 + requests // 10

    def take(self) -> bool:
        """Uses one retry; False if none was left."""
        self._left -= 1
        return self._left >= 0

    @property
    def spent(self) -> bool:
        """Whether no retry is left."""
        return self._left <= 0


class Retrying:
    """Repeats a GET until it has an answer, within MAX_ATTEMPTS and the run's budget.

    Repeated after 429, 500, 502, 503, 504 and lost answers, for MAX_SECONDS at most.
    """

    def __init__(
        self, inner: Transport, budget: Budget, clock: Clock, random: Callable[[], float]
    ) -> None:
        self._inner = inner
        self._budget = budget
        self._clock = clock
        self._random = random
        self._answered = False
        self._failures = 0

    def _may_retry(self) -> bool:
        """Counts a failed attempt; whether another one is allowed."""
        self._failures += 1
        return self._budget.take()

    async def send(self, request: Request) -> Response:
        """The response, or that of the last attempt. Raises the last attempt's TransportError.

        Raises GivenUpError, without sending, if the run has no retry left and the last
        MAX_FAILURES_IN_A_ROW attempts failed.
        """
        if request.method != "GET":
            return await self._inner.send(request)
        if self._failures >= MAX_FAILURES_IN_A_ROW and self._budget.spent:
            # Nothing was sent, but with `sent=False` the run would stop if no record was read
            # before (fetch_each). With True this record is listed as unreadable.
            raise GivenUpError(
                "not sent: no retry is left, and too many requests failed", sent=True
            )
        until = self._clock.now() + MAX_SECONDS
        for attempt in range(1, MAX_ATTEMPTS):
            try:
                response = await self._inner.send(structs.replace(request, attempt=attempt))
                self._answered = True
                if response.status not in _BUSY:
                    self._failures = 0
                    return response
                if not self._may_retry() or self._clock.now() >= until:
                    return response
            # A subclass of TransportError: without this clause it would be retried.
            except GivenUpError:
                raise
            except TransportError as error:
                alone = not (self._answered or error.sent)
                hopeless = alone and attempt >= MAX_FIRST_ATTEMPTS
                if hopeless or not self._may_retry() or self._clock.now() >= until:
                    raise
            # Full jitter: clients that failed at the same time must not retry at the same time.
            ceiling = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (attempt - 1))
            await self._clock.sleep(ceiling * self._random())
        return await self._inner.send(structs.replace(request, attempt=MAX_ATTEMPTS))
