"""Manners: halved by a push-back, grown by answers, held by the API's own word."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import virtual
from reconciler.client.throttle import Throttle, Throttled, retry_after
from reconciler.client.transport import GivenUpError, LoopClock, Request, Response

OK = Response(200, {}, b"")
GET = Request("GET", "/x")


class Server:
    """Answers after 0.1 s; `answer` says what, by the number of the request and the time."""

    def __init__(self, answer: Callable[[int, float], Response]) -> None:
        self.answer = answer
        self.starts: list[float] = []
        self.at_once = 0
        self.most_at_once: list[int] = []

    async def send(self, _: Request) -> Response:
        now = asyncio.get_running_loop().time()
        number = len(self.starts)
        self.starts.append(now)
        self.at_once += 1
        self.most_at_once.append(self.at_once)
        await asyncio.sleep(0.1)
        self.at_once -= 1
        return self.answer(number, now)


def run(
    count: int,
    answer: Callable[[int, float], Response] = lambda *_: OK,
    ceiling: int = 8,
    requests_per_second: float | None = None,
) -> tuple[Server, float, list[float]]:
    server = Server(answer)
    held: list[float] = []

    async def main() -> None:
        pace = Throttle(
            LoopClock(),
            ceiling=ceiling,
            requests_per_second=requests_per_second,
            on_hold=held.append,
        )
        paced = Throttled(server, pace)
        every = (paced.send(GET) for _ in range(count))
        for result in await asyncio.gather(*every, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    _, seconds = virtual.run(main())
    return server, seconds, held


def gaps(server: Server) -> list[float]:
    """The seconds between one start and the next."""
    return [later - start for start, later in pairwise(server.starts)]


def busy(**headers: str) -> Response:
    return Response(429, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def test_never_more_at_once_than_the_ceiling_and_no_less_while_all_is_well() -> None:
    server, seconds, _ = run(80, ceiling=8)

    assert max(server.most_at_once) == 8
    assert seconds == pytest.approx(1.0)


def test_a_push_back_halves_what_is_under_way_and_answers_grow_it_again() -> None:
    server, _, _ = run(400, lambda number, _: busy() if number == 40 else OK, ceiling=16)

    assert max(server.most_at_once[56:66]) <= 10
    assert max(server.most_at_once[-30:]) == 16


def test_what_the_api_asks_to_wait_everybody_waits() -> None:
    server, seconds, held = run(
        40, lambda number, _: busy(retry_after="20") if number == 5 else OK, ceiling=4
    )

    quiet = max(
        later - start for start, later in zip(server.starts, server.starts[1:], strict=False)
    )
    assert quiet >= 19.9
    assert held == [20.0]
    assert 20 < seconds < 23


def test_push_backs_that_come_together_count_once() -> None:
    server, _, held = run(
        64, lambda number, _: busy(retry_after="5") if number < 8 else OK, ceiling=8
    )

    after = [n for n, start in zip(server.most_at_once, server.starts, strict=True) if start >= 5]
    assert max(after[:4]) == 4
    assert held == [5.0]


def test_requests_per_second_are_kept() -> None:
    server, _, _ = run(50, ceiling=50, requests_per_second=10)

    assert min(gaps(server)) >= 0.0999


def test_an_api_that_asks_for_too_much_patience_ends_the_run() -> None:
    with pytest.raises(GivenUpError, match="asks to wait 3,600 s: given up"):
        run(50, lambda *_: busy(retry_after="3600"))
    with pytest.raises(GivenUpError, match="asks to wait 60 s: given up"):
        run(1000, lambda *_: busy(retry_after="60"))


def test_requests_per_second_are_kept_after_a_wait_as_well() -> None:
    server, _, _ = run(
        30,
        lambda number, _: busy(retry_after="20") if number == 0 else OK,
        ceiling=10,
        requests_per_second=1,
    )

    assert min(gaps(server)) >= 0.999
    assert max(gaps(server)) >= 19.0


def test_push_backs_without_a_time_that_come_together_count_once_too() -> None:
    server, _, _ = run(128, lambda number, _: busy() if number < 64 else OK, ceiling=64)

    assert max(server.most_at_once[96:]) >= 30


def test_a_wait_that_grows_is_said_again() -> None:
    _, seconds, held = run(
        20,
        lambda number, _: busy(retry_after=("1", "100")[number]) if number < 2 else OK,
        ceiling=2,
    )

    assert [round(each) for each in held] == [1, 100]
    assert 100 < seconds < 105


@pytest.mark.parametrize(
    "then",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_a_date_is_measured_against_the_answers_own_clock(then: str) -> None:
    headers = {"retry-after": then, "date": "Sun, 06 Nov 1994 08:49:07 GMT"}

    assert retry_after(Response(429, headers, b"")) == 30.0
    assert retry_after(Response(429, {"retry-after": then}, b"")) is None
    past = headers | {"date": "Sun, 06 Nov 1995 08:49:07 GMT"}
    assert retry_after(Response(429, past, b"")) == 0.0


@pytest.mark.parametrize(
    "text",
    ["", "-5", "1.5", "9" * 5000, "١٢", "²", "soon", "+9999", "Mon, 99 Foo 99999 99:99:99 GMT"],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert retry_after(Response(429, {"retry-after": text, "date": text}, b"")) is None


@given(st.text(), st.text())
def test_no_header_is_a_bug(retry: str, date: str) -> None:
    seconds = retry_after(Response(429, {"retry-after": retry, "date": date}, b""))

    assert seconds is None or seconds >= 0
