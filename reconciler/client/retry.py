"""Reads asked again when the answer was lost or the API was busy; writes never.

Nothing here may repeat a write: whether it was done can only be seen by looking, which is for
`apply` to do.
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
# Before anything has answered, an address that does not is more likely wrong than busy.
MAX_FIRST_ATTEMPTS = 3

BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 20.0

# With no retry left and so many requests without an answer the rest is not even asked.
MAX_FAILURES_IN_A_ROW = 50

_BUSY = frozenset((429, 500, 502, 503, 504))


class Budget:
    """Retries that a whole run may make: a few, and a tenth of what it has to read.

    In a total outage each record would else be asked for six times.
    """

    def __init__(self, requests: int) -> None:
        self._left = 20 + requests // 10

    def take(self) -> bool:
        """Whether there is a retry left, which is then used."""
        self._left -= 1
        return self._left >= 0

    @property
    def spent(self) -> bool:
        """Whether there is none left."""
        return self._left <= 0


class Retrying:
    """Sends a GET until it is answered, within its attempts and the run's budget."""

    def __init__(
        self, inner: Transport, budget: Budget, clock: Clock, random: Callable[[], float]
    ) -> None:
        self._inner = inner
        self._budget = budget
        self._clock = clock
        self._random = random
        self._answered = False
        self._failures = 0

    def _goes_on(self) -> bool:
        """Whether there is another attempt after one that came to nothing."""
        self._failures += 1
        return self._budget.take()

    async def send(self, request: Request) -> Response:
        """The answer, or what the last attempt came to."""
        if request.method != "GET":
            return await self._inner.send(request)
        if self._failures >= MAX_FAILURES_IN_A_ROW and self._budget.spent:
            raise GivenUpError("not asked: the API has long not answered anything", sent=True)
        for attempt in range(1, MAX_ATTEMPTS):
            try:
                response = await self._inner.send(structs.replace(request, attempt=attempt))
                self._answered = True
                if response.status not in _BUSY:
                    self._failures = 0
                    return response
                if not self._goes_on():
                    return response
            except GivenUpError:
                raise
            except TransportError as error:
                alone = not (self._answered or error.sent)
                hopeless = alone and attempt >= MAX_FIRST_ATTEMPTS
                if hopeless or not self._goes_on():
                    raise
            # Full jitter: clients that failed together must not come back together.
            ceiling = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (attempt - 1))
            await self._clock.sleep(ceiling * self._random())
        return await self._inner.send(structs.replace(request, attempt=MAX_ATTEMPTS))
