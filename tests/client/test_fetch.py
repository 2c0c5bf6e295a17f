"""Few requests, every record found, and no page believed."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.client import fetch_pages
from reconciler.client.fetch import ReadMode, ReadOptions, read
from reconciler.client.fetch_strategy import PageStrategy
from reconciler.client.transport import Request, Response, TransportError
from reconciler.errors import ApiError
from reconciler.model import Address, Current, Record, Source, Unreadable
from writing import sid

JSON = {"content-type": "application/json"}
SOURCE = Source("m.yaml", 1, 1)


class Account:
    """A kind's records in the order of creation, listed by `after` or by `offset`.

    `odd` may change a page before it is sent; `knows` are the parameters that are understood, and
    others are refused (`strict`) or ignored.
    """

    def __init__(self, sids: list[str], **settings: Any) -> None:
        self.sids = sids
        self.odd: Callable[[dict[str, Any]], object] = settings.get("odd", lambda page: page)
        self.knows: tuple[str, ...] = settings.get("knows", ("after", "includeFields", "offset"))
        self.strict: bool = settings.get("strict", True)
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        await asyncio.sleep(0)
        query = dict(request.query)
        assert query.get("limit", "1000") == "1000"
        unknown = query.keys() - {"limit", *self.knows}
        if unknown and self.strict:
            return Response(400, JSON, b'{"message":"unknown parameter"}')
        asked = {name: value for name, value in query.items() if name in self.knows}
        collection, _, one = request.path.removeprefix("/sms/").partition("/")
        if one:
            if one not in self.sids:
                return Response(404, JSON, b'{"message":"no item error"}')
            return Response(200, JSON, json.dumps(self.item(one, collection, asked)).encode())
        start = int(asked.get("offset", 0))
        if "after" in asked:
            start = self.sids.index(asked["after"]) + 1
        chosen = self.sids[start : start + 1000]
        more = start + 1000 < len(self.sids)
        page = {
            "count": len(chosen),
            "has_more": more,
            "items": [self.item(one, collection, asked) for one in chosen],
            "pagination": {"next": "https://evil.example/next"} if more else {},
            "total": None,
        }
        return Response(200, JSON, json.dumps(self.odd(page)).encode())

    def item(self, one: str, collection: str, asked: dict[str, str]) -> dict[str, Any]:
        name = "message_sid" if collection == "messages" else "dr_sid"
        item = {name: one, "user_data": f"of {one}", "date_changed": "d", "message": "private"}
        fields = asked.get("includeFields", ",".join(item)).split(",")
        return {field: item[field] for field in item if field in fields}


def found(
    account: Account, wanted: list[str], how: ReadMode = "auto", kind: str = "messages"
) -> dict[str, Current | Unreadable]:
    results: dict[str, Current | Unreadable] = {}

    def take(address: Address, live: Current | Unreadable) -> None:
        assert address.sid not in results
        results[address.sid] = live

    records = [Record(Address(kind, one), "x", False, SOURCE) for one in wanted]
    asyncio.run(read(records, account, ReadOptions(8, how), take))
    assert results.keys() == set(wanted)
    return results


def held(one: str) -> Current:
    return Current(f"of {one}", "d")


def sids(count: int) -> list[str]:
    return [sid(number) for number in range(count)]


def gets(account: Account) -> tuple[int, int]:
    """How many pages and how many single records were asked for."""
    pages = sum(request.path.count("/") == 2 for request in account.requests)
    return pages, len(account.requests) - pages


@pytest.mark.parametrize("how", ["auto", "each", "sweep"])
@pytest.mark.parametrize("kind", ["messages", "message_drs"])
def test_every_way_finds_the_same(how: ReadMode, kind: str) -> None:
    everything = sids(3500)
    account = Account(everything)

    results = found(account, [*everything[::7], sid(9_999_999)], how, kind)

    missing = results.pop(sid(9_999_999))
    assert isinstance(missing, Unreadable)
    assert missing.status == 404
    assert results == {one: held(one) for one in everything[::7]}


def test_all_of_an_account_is_read_by_its_pages() -> None:
    account = Account(sids(100_000))

    found(account, sids(100_000))

    assert gets(account) == (100, 0)


def test_a_sweep_ends_with_the_last_wanted_record() -> None:
    account = Account(sids(100_000))

    found(account, sids(2500))

    assert gets(account) == (3, 0)


def test_few_records_of_a_large_account_are_asked_for_one_by_one() -> None:
    account = Account(sids(100_000))

    found(account, sids(100_000)[-3:])

    pages, singles = gets(account)
    assert pages + singles <= 6


def test_a_total_that_is_told_is_used() -> None:
    account = Account(sids(100_000), odd=lambda page: page | {"total": 100_000})

    found(account, sids(100_000)[-50:])

    assert gets(account) == (1, 50)


def test_one_record_costs_one_request() -> None:
    account = Account(sids(5000))

    found(account, [sid(4999)])

    assert gets(account) == (0, 1)


def test_the_next_of_a_page_is_never_followed() -> None:
    account = Account(sids(5000))

    found(account, sids(5000))

    assert all(request.path == "/sms/messages" for request in account.requests)


def test_private_fields_are_not_even_asked_for() -> None:
    account = Account(sids(2000))
    found(account, sids(2000))

    assert all("includeFields" in dict(request.query) for request in account.requests)


@pytest.mark.parametrize("strict", [True, False])
def test_where_few_fields_are_not_understood_whole_objects_do(strict: bool) -> None:
    ways: tuple[tuple[ReadMode, str], ...] = (("sweep", "messages"), ("each", "message_drs"))
    for how, kind in ways:
        account = Account(sids(3000), knows=("after", "offset"), strict=strict)

        assert found(account, sids(3000), how, kind) == {one: held(one) for one in sids(3000)}
        pages, singles = gets(account)
        assert (pages <= 4) if how == "sweep" else (singles <= 3000 + 8)


def test_a_narrow_answer_without_the_field_is_asked_for_whole_and_never_taken_for_empty() -> None:
    class Odd(Account):
        def item(self, one: str, collection: str, asked: dict[str, str]) -> dict[str, Any]:
            whole = super().item(one, collection, {})
            return {"message_sid": one} if "includeFields" in asked else whole

    for how in ("sweep", "each"):
        assert found(Odd(sids(20)), sids(20), how) == {one: held(one) for one in sids(20)}


@pytest.mark.parametrize("strict", [True, False])
def test_where_after_is_not_known_offset_is_used(strict: bool) -> None:
    account = Account(sids(4500), knows=("offset", "includeFields"), strict=strict)

    assert len(found(account, sids(4500), "sweep")) == 4500
    pages, singles = gets(account)
    assert pages <= 7
    assert singles == 0


ODDITIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no next": lambda page: page | {"pagination": {}},
    "next null": lambda page: page | {"pagination": {"next": None, "previous": None}},
    "pagination null": lambda page: page | {"pagination": None},
    "never more": lambda page: page | {"has_more": False, "pagination": {}},
    "always more": lambda page: page | {"has_more": True},
    "no word of more": lambda page: {"items": page["items"]},
    "upper three_way": lambda page: (
        page
        | {"items": [item | {"message_sid": item["message_sid"].upper()} for item in page["items"]]}
    ),
    "empty": lambda page: page | {"items": [], "has_more": True},
    "no items": lambda _: {"has_more": True},
    "a list": lambda page: page["items"],
    "null": lambda _: None,
    "the same again": lambda page: (
        page | {"items": [{"message_sid": sid(0), "user_data": "x"}] * 3}
    ),
    "not text": lambda page: (
        page | {"items": [item | {"user_data": {"a": 1}} for item in page["items"]]}
    ),
    "without the field": lambda page: (
        page | {"items": [{"message_sid": item["message_sid"]} for item in page["items"]]}
    ),
}


@pytest.mark.parametrize("name", ODDITIES)
@pytest.mark.parametrize("how", ["auto", "sweep"])
def test_an_odd_page_loses_no_record_and_never_loops(name: str, how: ReadMode) -> None:
    account = Account(sids(2500), odd=ODDITIES[name])

    results = found(account, sids(2500)[1:], how)

    assert results == {one: held(one) for one in sids(2500)[1:]}
    assert len(account.requests) < 2600


def test_a_record_that_moves_between_two_pages_is_found_all_the_same() -> None:
    account = Account(sids(3000))
    order = account.sids
    account.sids = order[:500] + order[501:]

    def move(page: dict[str, Any]) -> dict[str, Any]:
        account.sids = [*order[501:], *order[:501]] if len(account.requests) == 1 else order
        return page

    account.odd = move
    assert len(found(account, order, "sweep")) == 3000


@pytest.mark.parametrize("how", ["auto", "each", "sweep"])
def test_a_refused_token_stops_every_way_at_once(how: ReadMode) -> None:
    class Refusing(Account):
        async def send(self, request: Request) -> Response:
            self.requests.append(request)
            return Response(401, JSON, b'{"message":"bad credentials"}')

    account = Refusing([])
    with pytest.raises(ApiError, match="401 bad credentials"):
        found(account, sids(500), how)
    assert len(account.requests) <= 8


@given(st.integers(1, 400), st.integers(1, 2000), st.randoms(use_true_random=False), st.booleans())
def test_the_choice_never_costs_much_more_than_twice_the_better_way(
    wanted: int, account_pages: int, dice: Any, clustered: bool
) -> None:
    last = min(wanted, account_pages * 1000)
    first = dice.randrange(account_pages * 1000 - last + 1)
    places = (
        range(first, first + last)
        if clustered
        else sorted(dice.sample(range(account_pages * 1000), last))
    )

    assert cost(list(places)) <= 2.2 * optimum(list(places))


def cost(places: list[int]) -> int:
    """Requests for wanted records at these places of the account."""
    chooser = PageStrategy(len(places))
    pages, left = 0, len(places)
    while left and chooser.another_page(pages, left, None):
        left -= sum(pages * 1000 <= place < (pages + 1) * 1000 for place in places)
        pages += 1
    return pages + left


def optimum(places: list[int]) -> int:
    return min(len(places), places[-1] // 1000 + 1)


def test_query_strings_are_what_httpx_sends() -> None:
    account = Account(sids(1500))
    found(account, sids(1500))
    query = account.requests[1].query

    assert parse_qs(urlencode(query)) == {
        "limit": ["1000"],
        "after": [sid(999)],
        "includeFields": ["message_sid,user_data,date_changed"],
    }


def test_pages_that_lead_in_a_circle_end_the_sweep() -> None:
    class Circle(Account):
        async def send(self, request: Request) -> Response:
            query = dict(request.query)
            if query.get("after") == self.sids[-1]:
                kept = {name: value for name, value in query.items() if name != "after"}
                request = Request("GET", request.path, tuple(kept.items()))
            return await super().send(request)

    account = Circle(sids(2500), odd=lambda page: page | {"has_more": True})

    results = found(account, [sid(3), sid(9_999_999)], "sweep")

    assert isinstance(results[sid(9_999_999)], Unreadable)
    assert len(account.requests) < 10


@pytest.mark.parametrize("how", ["auto", "sweep"])
def test_both_kinds_find_out_together_that_few_fields_are_not_understood(how: ReadMode) -> None:
    account = Account(sids(3000), knows=("after", "offset"))
    records = [
        Record(Address(kind, one), "x", False, SOURCE)
        for kind in ("messages", "message_drs")
        for one in sids(3000)
    ]
    told: list[Address] = []

    asyncio.run(
        read(
            records,
            account,
            ReadOptions(8, how),
            lambda address, _: told.append(address),
        )
    )

    assert len(told) == 6000
    assert len(account.requests) <= 8


def test_one_forbidden_record_of_many_that_pages_showed_is_its_own_problem() -> None:
    class Secretive(Account):
        async def send(self, request: Request) -> Response:
            if request.path.endswith(sid(9_999_999)):
                return Response(403, JSON, b'{"message":"forbidden"}')
            return await super().send(request)

    results = found(Secretive(sids(2000)), [*sids(2000), sid(9_999_999)])

    forbidden = results[sid(9_999_999)]
    assert isinstance(forbidden, Unreadable)
    assert forbidden.status == 403


def test_a_connection_that_fails_in_between_is_one_records_problem() -> None:
    class Flaky(Account):
        async def send(self, request: Request) -> Response:
            if len(self.requests) == 9:
                self.requests.append(request)
                raise TransportError("cannot connect", sent=False)
            return await super().send(request)

    results = found(Flaky(sids(50)), sids(50), "each")

    assert sum(isinstance(live, Unreadable) for live in results.values()) == 1


def test_an_answer_that_holds_a_field_twice_is_not_believed() -> None:
    class Twice(Account):
        async def send(self, _: Request) -> Response:
            body = f'{{"message_sid":"{sid(0)}","user_data":"a","user_data":null}}'
            return Response(200, JSON, body.encode())

    live = found(Twice(sids(1)), sids(1), "each")[sid(0)]
    assert isinstance(live, Unreadable)
    assert "twice" in live.reason


def page(*items: str, rest: str = "") -> Response:
    return Response(200, JSON, f'{{"items":[{",".join(items)}],"has_more":false{rest}}}'.encode())


GOOD = f'{{"message_sid":"{sid(1)}","user_data":"good"}}'


class Fixed:
    """An account whose page and whose records are fixed bytes."""

    def __init__(self, listed: Response, one: bytes) -> None:
        self.listed, self.one = listed, one

    async def send(self, request: Request) -> Response:
        if request.path == "/sms/messages":
            return self.listed
        body = GOOD.encode() if request.path.endswith(sid(1)) else self.one
        return Response(200, JSON, body)


@pytest.mark.parametrize("how", ["each", "sweep", "auto"])
@pytest.mark.parametrize(
    "record",
    [
        '"user_data":"a","user_data":"b"',
        '"user_data":"a","\\u0075ser_data":"b"',
        '"\\u0075ser_data":"a","user_data":"b"',
        '"price":1,"price":2,"user_data":"a","user_data":"a"',
    ],
)
def test_a_record_that_holds_a_field_twice_is_unreadable_in_every_way(
    how: ReadMode, record: str
) -> None:
    odd = f'{{"message_sid":"{sid(0)}",{record}}}'

    results = found(Fixed(page(odd, GOOD), odd.encode()), sids(2), how)  # type: ignore[arg-type]

    assert isinstance(results[sid(0)], Unreadable)
    assert results[sid(1)] == Current("good", None)


@pytest.mark.parametrize("how", ["each", "sweep", "auto"])
def test_an_answer_that_is_not_utf_8_in_another_field_is_unreadable_in_every_way(
    how: ReadMode,
) -> None:
    odd = f'{{"message_sid":"{sid(0)}","user_data":"a","message":"'.encode() + b'\xff"}'
    listed = Response(200, JSON, b'{"items":[' + odd + b"," + GOOD.encode() + b"]}")

    results = found(Fixed(listed, odd), sids(2), how)  # type: ignore[arg-type]

    assert isinstance(results[sid(0)], Unreadable)
    assert results[sid(1)] == Current("good", None)


def test_a_page_with_a_field_twice_outside_of_its_records_is_not_used() -> None:
    listed = page(GOOD, rest=f',"items":[{GOOD.replace("good", "evil")},{GOOD}]')

    results = found(Fixed(listed, b""), [sid(1)], "sweep")  # type: ignore[arg-type]

    assert results[sid(1)] == Current("good", None)


def test_a_list_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_pages, "MAX_PAGES", 50)

    class Endless(Account):
        asked = 0

        async def send(self, request: Request) -> Response:
            if request.path.count("/") > 2:
                return await super().send(request)
            self.asked += 1
            new = [f"{self.asked:08x}-1111-4000-8000-{n:012x}" for n in range(1000)]
            items = ",".join(f'{{"message_sid":"{one}","user_data":"x"}}' for one in new)
            return Response(200, JSON, f'{{"items":[{items}],"has_more":true}}'.encode())

    account = Endless(sids(2))

    assert found(account, sids(2), "sweep") == {one: held(one) for one in sids(2)}
    assert account.asked == 50
