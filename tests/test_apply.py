"""Every write is preceded by a look and followed by a check; an outcome is never a guess."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.apply import Apply, WriteMethod
from reconciler.model import Address, Change, Origin, Outcome, Plan, Source
from reconciler.transport import Request, Response, TransportError
from writing import sid

JSON = {"content-type": "application/json"}
SOURCE = Source("m.yaml", 1, 1)
LOST = TransportError("no whole answer: timed out", sent=True)
UNREACHABLE = TransportError("cannot connect", sent=False)

# What happens to one request instead of the usual: an answer, no answer, or a change of the world.
Trouble = Callable[["Api"], Response | None]


class Api:
    """One record, and a script of troubles by the number of the request (from 0)."""

    def __init__(self, user_data: str | None, troubles: dict[int, Trouble]) -> None:
        self.user_data = user_data
        self.troubles = troubles
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        trouble = self.troubles.get(len(self.requests))
        self.requests.append(request)
        if trouble is not None:
            answer = trouble(self)
            if answer is not None:
                return answer
        if request.body is not None:
            self.store(request)
        return self.holding()

    def store(self, request: Request) -> None:
        self.user_data = json.loads(request.body or b"")["user_data"]

    def holding(self) -> Response:
        body = {"message_sid": sid(1), "price": "0.01", "user_data": self.user_data}
        return Response(200, JSON, json.dumps(body).encode())


def refuse(status: int) -> Trouble:
    return lambda _: Response(status, JSON, b'{"message":"m","errors":[{"message":"why"}]}')


def answer(body: bytes) -> Trouble:
    return lambda _: Response(200, JSON, body)


def fail(error: TransportError) -> Trouble:
    def trouble(_: Api) -> Response:
        raise error

    return trouble


def after_the_write(then: Trouble) -> Trouble:
    """The request is carried out, and something else than its answer comes back."""

    def trouble(api: Api) -> Response | None:
        api.store(api.requests[-1])
        return then(api)

    return trouble


def somebody_writes(text: str) -> Trouble:
    def trouble(api: Api) -> None:
        api.user_data = text

    return trouble


def plan_of(*changes: Change) -> Plan:
    return Plan("https://x", "sha256:0", changes, 0)


def change(before: str | None = "old", after: str | None = "new", number: int = 1) -> Change:
    return Change(Address("messages", sid(number)), Origin.CHANGE, before, after, SOURCE)


def applied(
    live: str | None, troubles: dict[int, Trouble], method: WriteMethod = "patch"
) -> tuple[Outcome, Api]:
    api = Api(live, troubles)
    (outcome,) = asyncio.run(Apply(api, method=method).run(plan_of(change())))
    return outcome, api


READ, WRITE, READ_BACK = 0, 1, 2


@pytest.mark.parametrize(
    ("live", "troubles", "name", "holds", "requests"),
    [
        ("old", {}, "applied", "new", "GET PATCH"),
        ("new", {}, "already", "new", "GET"),
        ("else", {}, "stale", "else", "GET"),
        (None, {}, "stale", None, "GET"),
        ("old", {READ: somebody_writes("else")}, "stale", "else", "GET"),
        ("old", {READ: refuse(404)}, "missing", "old", "GET"),
        ("old", {READ: refuse(500)}, "failed", "old", "GET"),
        ("old", {READ: fail(LOST)}, "failed", "old", "GET"),
        ("old", {WRITE: refuse(404)}, "missing", "old", "GET PATCH"),
        ("old", {WRITE: refuse(422)}, "rejected", "old", "GET PATCH"),
        ("old", {WRITE: refuse(400)}, "rejected", "old", "GET PATCH"),
        ("old", {WRITE: refuse(303)}, "rejected", "old", "GET PATCH"),
        ("old", {WRITE: refuse(409)}, "failed", "old", "GET PATCH"),
        ("old", {WRITE: after_the_write(refuse(204))}, "applied", "new", "GET PATCH GET"),
        ("old", {WRITE: after_the_write(refuse(202))}, "applied", "new", "GET PATCH GET"),
        ("old", {WRITE: refuse(408)}, "unknown", "old", "GET PATCH GET"),
        ("old", {WRITE: answer(b'{"message_sid":"' + sid(1).encode() + b'"}')},
         "unknown", "old", "GET PATCH GET"),
        ("old", {WRITE: answer(b'{"x":' + b"[" * 100_000)}, "unknown", "old", "GET PATCH GET"),
        ("old", {READ: answer(b'{"x":' + b"[" * 100_000)}, "failed", "old", "GET"),
        ("old", {WRITE: refuse(429)}, "failed", "old", "GET PATCH"),
        ("old", {WRITE: fail(UNREACHABLE)}, "failed", "old", "GET PATCH"),
        ("old", {WRITE: fail(LOST)}, "unknown", "old", "GET PATCH GET"),
        ("old", {WRITE: refuse(500)}, "unknown", "old", "GET PATCH GET"),
        ("old", {WRITE: after_the_write(fail(LOST))}, "applied", "new", "GET PATCH GET"),
        ("old", {WRITE: after_the_write(refuse(500))}, "applied", "new", "GET PATCH GET"),
        ("old", {WRITE: after_the_write(refuse(200))}, "applied", "new", "GET PATCH GET"),
        ("old", {WRITE: fail(LOST), READ_BACK: fail(LOST)}, "unknown", "old", "GET PATCH GET"),
        ("old", {WRITE: fail(LOST), READ_BACK: refuse(404)}, "unknown", "old", "GET PATCH GET"),
        (
            "old",
            {WRITE: after_the_write(fail(LOST)), READ_BACK: somebody_writes("else")},
            "unknown", "else", "GET PATCH GET",
        ),
        (
            "old",
            {WRITE: after_the_write(lambda api: somebody_writes("trimmed")(api) or api.holding())},
            "altered", "trimmed", "GET PATCH",
        ),
    ],
)  # fmt: skip
def test_what_happened_is_what_is_said(
    live: str | None, troubles: dict[int, Trouble], name: str, holds: str | None, requests: str
) -> None:
    outcome, api = applied(live, troubles)

    assert outcome.name == name
    assert api.user_data == holds
    assert " ".join(request.method for request in api.requests) == requests


def test_patch_sends_user_data_and_nothing_else() -> None:
    _, api = applied("old", {})

    assert api.requests[1].body == b'{"user_data":"new"}'


def test_put_sends_the_object_that_was_just_read() -> None:
    body = f'{{"message_sid":"{sid(1)}","price":0.010,"x":[1e2],"user_data":"old","z":1.0}}'

    _, api = applied("old", {READ: lambda _: Response(200, JSON, body.encode())}, "put")

    sent = api.requests[1]
    assert sent.method == "PUT"
    assert sent.body == body.replace('"old"', '"new"').encode()


def run_many(count: int, answers: Callable[[Request], Response], **settings: Any) -> list[Outcome]:
    class Many:
        async def send(self, request: Request) -> Response:
            return answers(request)

    changes = [change(number=number) for number in range(count)]
    return asyncio.run(Apply(Many(), **settings).run(plan_of(*changes)))


def names(outcomes: list[Outcome]) -> list[str]:
    return [str(outcome.name) for outcome in outcomes]


def object_at(request: Request, user_data: str) -> Response:
    body = {"message_sid": request.path.rpartition("/")[2], "user_data": user_data}
    return Response(200, JSON, json.dumps(body).encode())


def test_a_refused_token_stops_the_run_and_skips_the_rest() -> None:
    outcomes = run_many(100, lambda _: Response(401, JSON, b"{}"), parallelism=1)

    assert names(outcomes) == ["failed"] + ["skipped"] * 99
    assert "refuses the token: 401" in outcomes[-1].detail


def test_one_forbidden_record_does_not_stop_the_others() -> None:
    def answers(request: Request) -> Response:
        if request.path.endswith(sid(1)) and request.body is not None:
            return Response(403, JSON, b"{}")
        return object_at(request, "old" if request.body is None else "new")

    outcomes = run_many(5, answers)

    assert names(outcomes) == ["applied", "rejected", "applied", "applied", "applied"]


def test_a_token_that_may_not_write_stops_the_run_soon() -> None:
    def answers(request: Request) -> Response:
        return Response(403, JSON, b"{}") if request.body else object_at(request, "old")

    outcomes = run_many(100, answers, parallelism=1)

    assert names(outcomes) == ["rejected"] * 10 + ["skipped"] * 90


def test_one_failure_never_stops_the_others_unless_it_was_asked_to() -> None:
    def answers(request: Request) -> Response:
        if request.path.endswith(sid(1)) and request.body is not None:
            return Response(422, JSON, b"{}")
        return object_at(request, "old" if request.body is None else "new")

    assert names(run_many(4, answers)) == ["applied", "rejected", "applied", "applied"]
    stopped = run_many(4, answers, parallelism=1, stop_on_error=True)
    assert names(stopped) == ["applied", "rejected", "skipped", "skipped"]
    assert "was rejected" in stopped[-1].detail


def test_a_stopped_run_starts_no_further_change() -> None:
    async def run() -> list[Outcome]:
        api = Api("old", {})
        apply = Apply(api, parallelism=1, on_outcome=lambda _: apply.stop("interrupted"))
        return await apply.run(plan_of(change(number=1), change(number=2)))

    assert names(asyncio.run(run())) == ["applied", "skipped"]
