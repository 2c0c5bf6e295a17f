"""Each record is read once, and trouble is told apart: the record's, the token's, the network's."""

import asyncio

import pytest
from msgspec import structs

from reconciler.client import api
from reconciler.client.capabilities import Capabilities
from reconciler.client.fetch_each import read_each
from reconciler.client.transport import Request, Response, TransportError
from reconciler.errors import ApiError
from reconciler.kinds import KINDS, MESSAGES
from reconciler.model import Address, Current, Record, Source, Unreadable
from writing import sid

JSON = {"content-type": "application/json; charset=utf-8"}


class Api:
    """Answers by the record's number; counts how many requests are under way at once."""

    def __init__(self, answers: dict[int, Response | TransportError]) -> None:
        self.answers = answers
        self.asked: list[int] = []
        self.most_at_once = 0
        self._at_once = 0

    async def send(self, request: Request) -> Response:
        number = int(request.path.rpartition("/")[2][:8], 16)
        self.asked.append(number)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0)
        self._at_once -= 1
        answer = self.answers.get(number) or holding(number, f'"text {number}"')
        if isinstance(answer, TransportError):
            raise answer
        return answer


def holding(number: int, user_data: str) -> Response:
    body = f'{{"message_sid":"{sid(number)}","user_data":{user_data},"date_changed":"d"}}'
    return Response(200, JSON, body.encode())


def refused(status: int) -> Response:
    body = b'{"message":"m","errors":[{"field":null,"message":"why","reference_sid":null}]}'
    return Response(status, JSON, body)


def read(
    count: int, answers: dict[int, Response | TransportError], parallelism: int = 4
) -> tuple[dict[int, Current | Unreadable], Api]:
    api = Api(answers)
    found: dict[int, Current | Unreadable] = {}
    source = Source("m.yaml", 1, 1)
    records = [Record(Address("messages", sid(n)), "x", False, source) for n in range(count)]
    asyncio.run(
        read_each(
            records,
            api,
            Capabilities(),
            parallelism=parallelism,
            on_read=lambda address, live: found.__setitem__(int(address.sid[:8], 16), live),
        )
    )
    return found, api


def test_every_record_is_read_once_and_never_more_at_once_than_allowed() -> None:
    found, api = read(100, {}, parallelism=7)

    assert found == {n: Current(f"text {n}", "d") for n in range(100)}
    assert sorted(api.asked) == list(range(100))
    assert api.most_at_once == 7


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (refused(404), 404, "why"),
        (refused(500), 500, "why"),
        (Response(502, {}, b"<html>"), 502, "no reason given"),
        (Response(200, {"content-type": "text/html"}, b"<html>"), 200, "is not JSON but text/html"),
        (Response(200, {}, b"{}"), 200, "no content type"),
        (Response(200, JSON, b""), 200, "cannot be read"),
        (Response(200, JSON, b"null"), 200, "cannot be read"),
        (Response(200, JSON, b"[]"), 200, "cannot be read"),
        (Response(200, JSON, b"{}"), 200, "about another record: None"),
        (Response(200, JSON, b'{"message_sid":"\xff"}'), 200, "cannot be read"),
        (Response(200, JSON, b'{"user_data":NaN}'), 200, "cannot be read"),
        (holding(1, '{"a":1}'), 200, "cannot be read"),
        (holding(1, "5"), 200, "cannot be read"),
        (holding(2, '"x"'), 200, f"about another record: {sid(2)}"),
        (TransportError("no whole answer: timed out", sent=True), None, "timed out"),
    ],
)
def test_a_record_that_cannot_be_read_is_its_own_problem(
    answer: Response | TransportError, status: int | None, reason: str
) -> None:
    found, _ = read(3, {1: answer})

    bad = found[1]
    assert isinstance(bad, Unreadable)
    assert bad.status == status
    assert reason in bad.reason
    assert (found[0], found[2]) == (Current("text 0", "d"), Current("text 2", "d"))


def test_a_whole_object_without_the_field_is_not_an_empty_one() -> None:
    """Otherwise the next write would be a `set`, which no guard counts."""
    old = Response(200, JSON, f'{{"message_sid":"{sid(0).upper()}"}}'.encode())

    (found,) = read(1, {0: old})[0].values()

    assert isinstance(found, Unreadable)
    assert found.reason == "the answer does not contain user_data"


def test_a_kind_may_lack_the_field_if_its_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Response(200, JSON, f'{{"message_sid":"{sid(0).upper()}"}}'.encode())
    lacking = structs.replace(MESSAGES, may_lack_user_data=True)
    monkeypatch.setattr(api, "KINDS", {**KINDS, "messages": lacking})

    assert read(1, {0: old})[0] == {0: Current(None, None)}


def test_a_refused_token_stops_the_run_at_once() -> None:
    answers: dict[int, Response | TransportError] = {n: refused(401) for n in range(1000)}

    with pytest.raises(ApiError, match=r"401 why: the API does not accept the token"):
        read(1000, answers)


def test_one_forbidden_record_is_that_records_problem() -> None:
    found, _ = read(10, {5: refused(403)})

    assert isinstance(found[5], Unreadable)
    assert sum(isinstance(live, Current) for live in found.values()) == 9


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_a_token_that_may_read_nothing_stops_the_run_soon(count: int) -> None:
    answers: dict[int, Response | TransportError] = {n: refused(403) for n in range(count)}

    with pytest.raises(ApiError, match=r"403 why: the token needs sms\.read or sms\.manage"):
        read(count, answers)


def test_when_nobody_answers_the_run_stops() -> None:
    down = TransportError("cannot connect to https://x: refused", sent=False)

    with pytest.raises(ApiError, match=r"^cannot connect to https://x: refused$"):
        read(1000, dict.fromkeys(range(1000), down))


def test_a_text_with_half_a_surrogate_pair_is_readable() -> None:
    found, _ = read(2, {1: holding(1, '"a\\ud83db"')})

    assert found[1] == Current("a\ud83db", "d")
