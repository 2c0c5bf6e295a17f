"""Reads are asked again, within bounds; writes never."""

import asyncio
import random
from collections.abc import Sequence

import pytest

import virtual
from reconciler.client.retry import MAX_ATTEMPTS, Budget, Retrying
from reconciler.client.transport import (
    GivenUpError,
    LoopClock,
    Method,
    Request,
    Response,
    TransportError,
)

GET = Request("GET", "/x")
LOST = TransportError("no whole answer", sent=True)
DOWN = TransportError("cannot connect", sent=False)

Outcome = int | TransportError


class Server:
    """Ends each request as the script says; then with 200."""

    def __init__(self, script: Sequence[Outcome]) -> None:
        self.script = script
        self.asked: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.asked.append(request)
        outcome = self.script[len(self.asked) - 1] if len(self.asked) <= len(self.script) else 200
        if isinstance(outcome, TransportError):
            raise outcome
        return Response(outcome, {}, b"")


def ask(
    script: Sequence[Outcome], request: Request = GET, budget: int = 1000
) -> tuple[Outcome, Server, float]:
    server = Server(script)

    async def main() -> Outcome:
        retrying = Retrying(server, Budget(budget), LoopClock(), random.Random(1).random)
        try:
            return (await retrying.send(request)).status
        except TransportError as error:
            return error

    outcome, seconds = virtual.run(main())
    return outcome, server, seconds


@pytest.mark.parametrize("trouble", [429, 500, 502, 503, 504, LOST])
def test_a_read_is_asked_again_until_it_is_answered(trouble: Outcome) -> None:
    outcome, server, seconds = ask([trouble] * 4)

    assert outcome == 200
    assert [request.attempt for request in server.asked] == [1, 2, 3, 4, 5]
    assert 0 < seconds < 0.5 + 1 + 2 + 4


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 422])
def test_what_will_not_change_is_not_asked_again(status: int) -> None:
    outcome, server, _ = ask([status])

    assert outcome == status
    assert len(server.asked) == 1


def test_there_is_an_end_to_it() -> None:
    outcome, server, _ = ask([500] * 100)

    assert outcome == 500
    assert len(server.asked) == MAX_ATTEMPTS


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("trouble", [429, 503, LOST, DOWN])
def test_a_write_is_never_asked_again(method: Method, trouble: Outcome) -> None:
    request = Request(method, "/x", body=b"{}")

    outcome, server, _ = ask([trouble], request)

    assert outcome == trouble
    assert len(server.asked) == 1


def test_an_address_where_nobody_ever_answered_is_given_up_soon() -> None:
    outcome, server, seconds = ask([DOWN] * 100)

    assert outcome is DOWN
    assert len(server.asked) == 3
    assert seconds < 2


def test_a_total_outage_costs_a_budget_and_not_six_requests_a_record() -> None:
    server = Server([200, *[500] * 100_000])

    async def main() -> None:
        retrying = Retrying(server, Budget(1000), LoopClock(), random.Random(1).random)
        every = (retrying.send(GET) for _ in range(1000))
        await asyncio.gather(*every, return_exceptions=True)

    virtual.run(main())
    assert len(server.asked) <= 1000 + 20 + 100


def test_with_no_retry_left_and_no_answer_for_long_the_rest_is_not_asked() -> None:
    server = Server([500] * 100_000)
    given_up = 0

    async def main() -> None:
        nonlocal given_up
        retrying = Retrying(server, Budget(1000), LoopClock(), random.Random(1).random)
        for _ in range(1000):
            try:
                await retrying.send(GET)
            except GivenUpError:
                given_up += 1

    virtual.run(main())
    assert len(server.asked) < 200
    assert given_up > 850


def test_one_record_that_hangs_holds_a_run_up_for_a_minute_or_so() -> None:
    class Hanging(Server):
        async def send(self, request: Request) -> Response:
            await asyncio.sleep(30)  # http.TOTAL_SECONDS
            return await super().send(request)

    server = Hanging([200, *[LOST] * 100])

    async def main() -> None:
        retrying = Retrying(server, Budget(1000), LoopClock(), random.Random(1).random)
        await retrying.send(GET)
        with pytest.raises(TransportError):
            await retrying.send(GET)

    _, seconds = virtual.run(main())
    assert 30 + 60 <= seconds <= 30 + 100
