"""Every write is preceded by a look and followed by a check; an outcome is never a guess."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import virtual
from forgetting import NoJournal
from reconciler.applying.executor import ApplyContext, ApplyOptions, Executor, WriteMethod
from reconciler.applying.journal_format import JournalError
from reconciler.applying.journal_writer import Journal
from reconciler.client.api import UnreadableError, put
from reconciler.client.retry import Budget
from reconciler.client.throttle import Throttle, Throttled
from reconciler.client.transport import LoopClock, Request, Response, Transport, TransportError
from reconciler.model import Address, Change, Origin, Outcome, Source
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


def means(
    transport: Transport,
    *,
    retries: int = 20,
    journal: Journal | None = None,
) -> ApplyContext:
    """What an apply needs, with so many retries, at the pace of a virtual clock."""
    budget = Budget(10 * (retries - 20))
    return ApplyContext(transport, budget, LoopClock(), lambda: 1.0, journal or NoJournal())


def change(before: str | None = "old", after: str | None = "new", number: int = 1) -> Change:
    return Change(Address("messages", sid(number)), Origin.CHANGE, before, after, SOURCE)


def applied(
    live: str | None,
    troubles: dict[int, Trouble],
    method: WriteMethod = "patch",
    *,
    retries: int = 20,
    planned: Change | None = None,
) -> tuple[Outcome, Api]:
    api = Api(live, troubles)
    apply = Executor(means(api, retries=retries), ApplyOptions(method))
    (outcome,), _ = virtual.run(apply.run([planned or change()]))
    return outcome, api


READ, WRITE, READ_BACK = 0, 1, 2
WRITES = (1, 3, 5, 7)
FAILS = fail(TransportError("the answer was: old", sent=True))


AGAIN = "GET PATCH GET PATCH"
FOUR_TIMES = " ".join(["GET PATCH"] * 4)


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
        ("old", {READ: refuse(410)}, "missing", "old", "GET"),
        ("old", {WRITE: refuse(410)}, "missing", "old", "GET PATCH"),
        ("old", {WRITE: refuse(404)}, "missing", "old", "GET PATCH"),
        ("old", {WRITE: refuse(422)}, "rejected", "old", "GET PATCH"),
        ("old", {WRITE: refuse(400)}, "rejected", "old", "GET PATCH"),
        ("old", {WRITE: refuse(303)}, "rejected", "old", "GET PATCH"),
        ("old", {WRITE: refuse(409)}, "applied", "new", AGAIN),
        ("old", {WRITE: after_the_write(refuse(204))}, "applied", "new", "GET PATCH GET"),
        ("old", {WRITE: after_the_write(refuse(202))}, "applied", "new", "GET PATCH GET"),
        ("old", {WRITE: refuse(408)}, "applied", "new", AGAIN),
        ("old", {WRITE: answer(b'{"message_sid":"' + sid(1).encode() + b'"}')},
         "applied", "new", AGAIN),
        ("old", {WRITE: answer(b'{"x":' + b"[" * 100_000)}, "applied", "new", AGAIN),
        ("old", {READ: answer(b'{"x":' + b"[" * 100_000)}, "failed", "old", "GET"),
        ("old", {WRITE: refuse(429)}, "applied", "new", AGAIN),
        ("old", {WRITE: fail(UNREACHABLE)}, "applied", "new", AGAIN),
        ("old", {WRITE: fail(LOST)}, "applied", "new", AGAIN),
        ("old", {WRITE: refuse(500)}, "applied", "new", AGAIN),
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
        ("old", dict.fromkeys(WRITES, refuse(429)), "failed", "old", FOUR_TIMES),
        ("old", dict.fromkeys(WRITES, refuse(409)), "failed", "old", FOUR_TIMES),
        ("old", dict.fromkeys(WRITES, fail(UNREACHABLE)), "failed", "old", FOUR_TIMES),
        ("old", dict.fromkeys(WRITES, fail(LOST)), "unknown", "old", f"{FOUR_TIMES} GET GET GET"),
        ("old", dict.fromkeys(WRITES, refuse(503)), "unknown", "old", f"{FOUR_TIMES} GET GET GET"),
        ("old", {1: fail(LOST), 3: refuse(422)}, "unknown", "old", AGAIN),
        ("old", {1: fail(LOST), 3: refuse(404)}, "unknown", "old", AGAIN),
        ("old", {1: fail(LOST), 3: refuse(401)}, "unknown", "old", AGAIN),
        ("old", {1: fail(LOST), 2: refuse(500)}, "unknown", "old", "GET PATCH GET"),
        ("old", {1: refuse(429), 2: somebody_writes("else")}, "stale", "else", "GET PATCH GET"),
        ("old", {1: refuse(429), 2: somebody_writes("new")}, "already", "new", "GET PATCH GET"),
        (
            "old",
            {WRITE: after_the_write(lambda api: somebody_writes("trimmed")(api) or api.holding())},
            "altered", "trimmed", "GET PATCH GET",
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


def test_without_a_retry_left_a_doubtful_write_is_looked_at_once() -> None:
    lost, api = applied("old", {WRITE: fail(LOST)}, retries=0)
    done, _ = applied("old", {WRITE: after_the_write(fail(LOST))}, retries=0)
    busy, _ = applied("old", {WRITE: refuse(429)}, retries=0)

    assert [one.name for one in (lost, done, busy)] == ["unknown", "applied", "failed"]
    assert len(api.requests) == 3


def test_a_write_that_comes_late_is_seen_by_a_later_look() -> None:
    troubles: dict[int, Trouble] = dict.fromkeys(WRITES, fail(LOST))
    troubles[9] = somebody_writes("new")

    outcome, api = applied("old", troubles)

    assert (outcome.name, len(api.requests)) == ("applied", 10)


def test_two_long_values_that_were_stored_instead_do_not_look_the_same() -> None:
    told = set()
    for end in "AB":

        def stored(api: Api, text: str = "y" * 5000 + end) -> Response:
            api.user_data = text
            return api.holding()

        outcome, _ = applied("old", {WRITE: after_the_write(stored)})
        told.add(outcome.detail)
        assert "(5,003 characters, " in outcome.detail
        assert len(outcome.detail) < 400
    assert len(told) == 2


def test_a_refused_value_is_told_with_its_length() -> None:
    outcome, _ = applied("old", {WRITE: refuse(422)}, planned=change(after="é😀"))

    assert outcome.detail == "422 why; the value has 2 characters (6 bytes, 3 UTF-16 units)"


@pytest.mark.parametrize("places", [("",), ()])
def test_of_a_sensitive_record_neither_the_value_nor_the_apis_words_are_told(
    places: tuple[str, ...],
) -> None:
    secret = Change(Address("messages", sid(1)), Origin.CHANGE, "old", "new", SOURCE, places)
    rejected, _ = applied("old", {WRITE: refuse(422)}, planned=secret)

    def stored(api: Api) -> Response:
        api.user_data = "trimmed"
        return api.holding()

    altered, _ = applied("old", {WRITE: after_the_write(stored)}, planned=secret)

    assert "why" not in rejected.detail
    assert (altered.name, "trimmed" in altered.detail) == ("altered", False)


@pytest.mark.parametrize(
    "troubles",
    [
        {READ: fail(TransportError("the answer was: old", sent=False))},
        {WRITE: FAILS, READ_BACK: FAILS},
    ],
)
def test_of_a_sensitive_record_no_error_of_the_connection_is_told(
    troubles: dict[int, Trouble],
) -> None:
    secret = Change(Address("messages", sid(1)), Origin.CHANGE, "old", "new", SOURCE, ("",))

    outcome, _ = applied("old", troubles, planned=secret)

    assert outcome.name in ("failed", "unknown")
    assert "the answer was" not in outcome.detail


def test_another_layout_of_the_json_that_was_written_is_the_value_that_was_written() -> None:
    planned = Change(
        Address("messages", sid(1)), Origin.CHANGE, "old", '{"a":1,"b":2}', SOURCE, structured=True
    )

    def lays_out(api: Api) -> Response:
        api.user_data = '{ "b": 2,\n  "a": 1 }'
        return api.holding()

    outcome, api = applied("old", {WRITE: after_the_write(lays_out)}, planned=planned)
    again, _ = applied(api.user_data, {}, planned=planned)

    assert (outcome.name, again.name) == ("applied", "already")


def test_a_stop_in_the_middle_of_a_write_in_doubt_leaves_it_in_doubt() -> None:
    """It is never skipped: the write may have arrived."""

    def run_with(trouble: Trouble) -> tuple[list[str], str | None]:
        api = Api("old", {WRITE: trouble})

        async def run() -> list[Outcome]:
            apply = Executor(means(api), ApplyOptions(parallelism=1))

            def stop_then(found: Api) -> Response | None:
                apply.stop("interrupted by SIGTERM")
                return trouble(found)

            api.troubles[WRITE] = stop_then
            return await apply.run([change(), change(number=2)])

        return names(virtual.run(run())[0]), api.user_data

    assert run_with(fail(LOST)) == (["unknown", "skipped"], "old")
    assert run_with(after_the_write(fail(LOST))) == (["applied", "skipped"], "new")


class Notes:
    """A journal that remembers, together with the API, in what order things came."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.rows: list[str] = []
        self.broken = False

    def expect(self, changes: Iterable[Change]) -> None:
        """Is told, and does not look ahead."""

    async def intent(self, _: Change, attempt: int) -> None:
        await asyncio.sleep(1)
        if self.broken:
            raise JournalError("the journal cannot be written: No space left on device")
        self.rows.append(f"intent {attempt} after {len(self.api.requests)}")

    def outcome(self, outcome: Outcome) -> None:
        self.rows.append(outcome.name)


def test_each_write_is_noted_before_it_is_sent() -> None:
    api = Api("old", {WRITE: fail(LOST)})
    notes = Notes(api)

    virtual.run(Executor(means(api, journal=notes), ApplyOptions()).run([change()]))

    assert notes.rows == ["intent 1 after 1", "intent 2 after 3", "applied"]


def test_without_a_journal_nothing_is_written() -> None:
    api = Api("old", {})
    notes = Notes(api)
    notes.broken = True

    outcomes, _ = virtual.run(
        Executor(means(api, journal=notes), ApplyOptions(parallelism=1)).run(
            [change(), change(number=2)]
        )
    )

    assert names(outcomes) == ["skipped", "skipped"]
    assert "No space left" in outcomes[1].detail
    assert [request.method for request in api.requests] == ["GET"]


def test_what_is_in_flight_when_nobody_waits_any_longer_is_unknown() -> None:
    class Slow(Api):
        async def send(self, request: Request) -> Response:
            if request.body is not None or request.path.endswith(sid(2)):
                await asyncio.sleep(60)
            return await super().send(request)

    async def run() -> list[Outcome]:
        apply = Executor(means(Slow("old", {})), ApplyOptions(parallelism=2))
        loop = asyncio.get_running_loop()
        loop.call_later(1, apply.stop, "interrupted by SIGTERM")
        loop.call_later(7, apply.abandon)
        return await apply.run([change(number=n) for n in (1, 2, 3)])

    outcomes, seconds = virtual.run(run())

    # One write was sent, one record was being looked at, one was not begun.
    assert names(outcomes) == ["unknown", "skipped", "skipped"]
    assert seconds == 7


def test_a_write_that_had_to_wait_looks_again() -> None:
    async def run() -> tuple[list[Outcome], Api]:
        clock = LoopClock()
        pace = Throttle(clock, ceiling=1)
        api = Api("old", {2: somebody_writes("else")})

        class Waits(Notes):
            async def intent(self, of: Change, attempt: int) -> None:
                await super().intent(of, attempt)
                if attempt == 1 and len(self.rows) == 1:
                    pace.shrink(clock.now(), 30)

        paced = Throttled(api, pace)
        return await Executor(means(paced, journal=Waits(api)), ApplyOptions()).run([change()]), api

    (outcomes, api), seconds = virtual.run(run())

    assert [r.method for r in api.requests] == ["GET", "GET", "PATCH"]
    assert (names(outcomes), seconds >= 30) == (["applied"], True)


def test_patch_sends_user_data_and_nothing_else() -> None:
    _, api = applied("old", {})

    assert api.requests[1].body == b'{"user_data":"new"}'


@pytest.mark.parametrize(
    ("held", "sent"),
    [
        ('{"message_sid":"SID","user_data" : "old" , "n": 1e400 }',
         '{"message_sid":"SID","user_data" : "new" , "n": 1e400 }'),
        ('{ "message_sid":"SID"\n}', '{ "message_sid":"SID","user_data":"new"}'),
        ('{"user_data":{"x":1}["\\u00e9\\ud83d"]', None),
        ('{"x":{"user_data":"deep"},"user_data":"o\\"l}d","message_sid":"SID"}',
         '{"x":{"user_data":"deep"},"user_data":"new","message_sid":"SID"}'),
        ('{"\\u0075ser_data":"old","message_sid":"SID"}',
         '{"\\u0075ser_data":"new","message_sid":"SID"}'),
        ('{"id":12345678901234567890.50,"user_data":null,"message_sid":"SID","s":"\\ud83d\\ude00"}',
         '{"id":12345678901234567890.50,"user_data":"new","message_sid":"SID","s":"\\ud83d\\ude00"}'),
    ],
)  # fmt: skip
def test_put_replaces_the_value_and_not_a_byte_beside_it(held: str, sent: str | None) -> None:
    body = held.replace("SID", sid(1)).encode()
    if sent is None:
        with pytest.raises(UnreadableError):
            put(Address("messages", sid(1)), "new", body)
    else:
        request = put(Address("messages", sid(1)), "new", body)
        assert request.body == sent.replace("SID", sid(1)).replace("\n}", "}").encode()


def test_put_tells_of_other_fields_that_are_not_as_they_were() -> None:
    def answers(api: Api) -> Response:
        body = {
            "message_sid": sid(1),
            "price": "0.02",
            "new": 1,
            "user_data": api.user_data,
            "date_changed": "later",
        }
        return Response(200, JSON, json.dumps(body).encode())

    outcome, _ = applied("old", {WRITE: after_the_write(answers)}, "put")

    assert outcome.name == "applied"
    assert outcome.detail == "other fields are not as they were: new, price"


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
    outcomes, _ = virtual.run(Executor(means(Many()), ApplyOptions(**settings)).run(changes))
    return outcomes


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

        def stop(_: Outcome) -> None:
            apply.stop("interrupted")

        apply = Executor(means(api), ApplyOptions(parallelism=1), stop)
        return await apply.run([change(number=1), change(number=2)])

    assert names(virtual.run(run())[0]) == ["applied", "skipped"]
