"""The embedded API answers as the documentation says, and as the public clients expect."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.kinds import KINDS, MESSAGE_DRS, MESSAGES
from reconciler.sandbox import fixtures, tokens
from reconciler.sandbox.app import Options, create_app
from reconciler.sandbox.store import Store
from writing import DETAIL_RECORD, MESSAGE, MISSING, sid

URL = "http://testserver/core/v2/sms"

# docs.carrierx.com, "Update Message" and "Message Detail Record", field for field.
DOCUMENTED_MESSAGE = json.loads(
    '{"date_changed":"2024-01-06T15:18:30.084Z","date_created":"2023-12-06T15:18:29.189Z",'
    '"date_status_changed":"2023-12-06T15:18:30.046Z","direction":"outbound","from":"15162065575",'
    '"group_recipients":[],"mcc":310,"media_urls":[],"message":"This is a test message",'
    '"message_segments":1,"message_sid":"097b49df-c54e-4eaf-97d0-89cf7d5a655b","mnc":999,'
    '"partner_sid":"e00430c3-a7d0-4666-ab5c-f7202448382f","price":"0.01","status":"delivered",'
    '"to":"15162065574","type":"sms","user_data":"updated_test_message"}'
)
DOCUMENTED_DETAIL_RECORD = json.loads(
    '{"a2p_campaign":null,"date_changed":"2025-04-14T10:32:18.175Z",'
    '"date_insert":"2025-04-14T10:32:17.279Z","date_sent":"2025-04-14T10:32:17.997Z",'
    '"date_start":"2025-04-14T10:32:17.279Z","date_stop":"2025-04-14T10:32:00.000Z",'
    '"delay_sent":0,"direction":"outbound","dr_sid":"92cd9154-2f53-4e62-8b4e-8ff6e4849d16",'
    '"mcc":310,"mcc_mnc_price":"0.015","mcc_mnc_rate":"0.005",'
    '"media_urls":["https://storage.carrierx.com/f/cdac0471-f144-42a2-94f8-d9838ce5e4b9"],'
    '"message":null,"message_segments":1,"mnc":999,"number_billing":"12078152557",'
    '"number_dst":"17575000929","number_external":"17575000929",'
    '"number_group_dst":["17207217011","17207210038","17575000929"],"number_src":"12078152557",'
    '"p2p_nnid":null,"partner_sid":"8d180104-0b34-4e55-907f-4a72409484c9",'
    '"passthrough_price":null,"passthrough_rate":null,"price":"0.015","provider":"tsg",'
    '"rate":"0.005","registration_type":null,"status":"sent","type":"mms",'
    '"user_data":"test_message","vendor_error_code":"503","version":null}'
)


class Api:
    """Requests to an app, as a client with the token that may do everything."""

    def __init__(self, store: Store, options: Options) -> None:
        self.app = create_app(store, options, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self, method: str, path: str, **rest: Any) -> httpx.Response:
        import asyncio

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            headers = {"authorization": f"Bearer {tokens.MANAGE}"} | rest.pop("headers", {})
            async with httpx.AsyncClient(transport=transport) as client:
                url = path if path.startswith("http") else f"{URL}{path}"
                return await client.request(method, url, headers=headers, **rest)

        return asyncio.run(send())

    def get(self, path: str, **rest: Any) -> Any:
        response = self("GET", path, **rest)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def api(store: Store) -> Api:
    return Api(store, Options(user_data_max_chars=20))


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Store]:
    """2,500 records of each kind, dates a second apart."""
    with Store(tmp_path / "full.db") as store:
        fixtures.add_synthetic(store, 2500, drift=0, seed=1)
        yield store


def sids(page: Any) -> list[str]:
    return [item.get("dr_sid") or item["message_sid"] for item in page["items"]]


def test_the_seed_holds_the_two_objects_of_the_api_pages(api: Api) -> None:
    assert api.get(f"/messages/{MESSAGE}") == DOCUMENTED_MESSAGE
    assert api.get(f"/message_drs/{DETAIL_RECORD.upper()}") == DOCUMENTED_DETAIL_RECORD


def test_patch_changes_what_was_sent_and_moves_date_changed(api: Api) -> None:
    answer = api("PATCH", f"/messages/{MESSAGE}", json={"user_data": "new"})

    assert answer.status_code == 200
    assert answer.json() == DOCUMENTED_MESSAGE | {
        "user_data": "new",
        "date_changed": "2026-01-01T00:00:00.000Z",
    }
    assert api.get(f"/messages/{MESSAGE}") == answer.json()
    again = api("PATCH", f"/messages/{MESSAGE}", json={"user_data": None}).json()
    assert (again["user_data"], again["date_changed"]) == (None, "2026-01-01T00:00:00.001Z")


def test_an_empty_patch_changes_nothing(api: Api) -> None:
    assert api("PATCH", f"/messages/{MESSAGE}", json={}).json() == DOCUMENTED_MESSAGE


def test_put_wants_the_whole_object_with_read_only_fields_unchanged(api: Api) -> None:
    path = f"/message_drs/{DETAIL_RECORD}"
    whole = DOCUMENTED_DETAIL_RECORD | {"user_data": "new"}

    assert api("PUT", path, json=whole).json()["user_data"] == "new"

    whole = api.get(path) | {"user_data": "newer"}
    for bad, field, why in [
        ({**whole, "status": "lost"}, "status", "this field cannot be modified"),
        ({**whole, "surprise": 1}, "surprise", "this field is unknown"),
        ({name: whole[name] for name in whole if name != "rate"}, "rate", "this field is required"),
        ({"user_data": "newer"}, "a2p_campaign", "this field is required"),
    ]:
        answer = api("PUT", path, json=bad)
        assert answer.status_code == 422
        assert answer.json() == {
            "message": "object validation error",
            "errors": [{"field": field, "message": why, "reference_sid": None}],
        }
    assert api.get(path)["user_data"] == "new"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"user_data": "x" * 21}, "the maximum length is 20 characters"),
        ({"user_data": 5}, "not a string"),
        ({"user_data": {"a": 1}}, "not a string"),
        ({"status": "lost"}, "this field cannot be modified"),
        ({"userdata": "x"}, "this field is unknown"),
    ],
)
def test_a_value_that_cannot_be_is_422_and_changes_nothing(
    api: Api, body: dict[str, object], why: str
) -> None:
    answer = api("PATCH", f"/messages/{MESSAGE}", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == why
    assert api.get(f"/messages/{MESSAGE}") == DOCUMENTED_MESSAGE


@pytest.mark.parametrize(
    ("method", "path", "rest", "status"),
    [
        ("GET", f"/messages/{MISSING}", {}, 404),
        ("PATCH", f"/messages/{MISSING}", {"json": {}}, 404),
        ("GET", f"/{MESSAGE}", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("GET", "/messages/", {}, 404),
        ("PATCH", f"/messages/{MESSAGE}", {"json": {"mcc": 310.0}}, 422),
        ("PATCH", f"/messages/{MESSAGE}", {"json": {"message_segments": True}}, 422),
        ("PATCH", f"/messages/{MESSAGE}",
         {"content": b'{"x":' + b"[" * 100_000, "headers": {"content-type": "application/json"}},
         400),
        ("DELETE", f"/messages/{MESSAGE}", {}, 405),
        ("POST", "/messages", {"json": {}}, 405),
        ("PATCH", f"/messages/{MESSAGE}", {"content": b"{}"}, 415),
        ("PATCH", f"/messages/{MESSAGE}", {"data": {"user_data": "x"}}, 415),
        ("PATCH", f"/messages/{MESSAGE}",
         {"content": b"", "headers": {"content-type": "application/json"}}, 400),
        ("PATCH", f"/messages/{MESSAGE}", {"json": []}, 400),
        ("GET", f"/messages/{MESSAGE}", {"headers": {"authorization": "Bearer no"}}, 401),
        ("GET", f"/messages/{MESSAGE}", {"headers": {"authorization": "Basic Og=="}}, 401),
        ("GET", "/messages", {"headers": {"authorization": ""}}, 401),
    ],
)  # fmt: skip
def test_errors_have_the_documented_body(
    api: Api, method: str, path: str, rest: dict[str, Any], status: int
) -> None:
    answer = api(method, path, **rest)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"message", "errors"}
    for error in answer.json()["errors"]:
        assert set(error) == {"field", "message", "reference_sid"}


def test_the_404_is_the_documented_one(api: Api) -> None:
    assert api("GET", f"/messages/{MISSING}").json() == {
        "message": "no item error",
        "errors": [{"field": None, "message": "cannot find item by sid", "reference_sid": None}],
    }


@pytest.mark.parametrize(
    ("token", "read", "write"),
    [
        (tokens.MANAGE, 200, 200),
        (tokens.READ, 200, 403),
        (tokens.UPDATE, 200, 200),
        (tokens.NOTHING, 403, 403),
    ],
)
def test_scopes_say_what_a_token_may_do(api: Api, token: str, read: int, write: int) -> None:
    headers = {"authorization": f"Bearer {token}"}

    assert api("GET", f"/messages/{MESSAGE}", headers=headers).status_code == read
    assert api("GET", "/message_drs", headers=headers).status_code == read
    patched = api("PATCH", f"/messages/{MESSAGE}", headers=headers, json={"user_data": "x"})
    assert patched.status_code == write


def test_a_list_has_the_documented_envelope(api: Api) -> None:
    page = api.get("/messages?limit=2")

    assert page | {"items": []} == {
        "count": 2,
        "has_more": True,
        "items": [],
        "limit": 2,
        "offset": 0,
        "pagination": {"next": f"{URL}/messages?limit=2&offset=2"},
        "total": 4,
    }
    assert page["items"][0] == DOCUMENTED_MESSAGE
    assert api.get("/message_drs")["total"] is None
    assert api.get("/message_drs?filter=status eq nothing")["pagination"] == {}


def test_the_default_limit_is_ten_and_the_largest_a_thousand(full: Store) -> None:
    api = Api(full, Options())

    assert api.get("/messages")["count"] == 10
    assert api.get("/messages?limit=1000")["count"] == 1000
    assert api("GET", "/messages?limit=1001").status_code == 400
    other = Api(full, Options(default_limit=7, max_limit=20))
    assert other.get("/messages")["count"] == 7
    assert other("GET", "/messages?limit=21").status_code == 400


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("message_drs", "limit=400"),
        ("message_drs", "limit=400&order=date_stop"),
        ("message_drs", "limit=400&order=date_insert desc"),
        ("messages", "limit=400"),
        ("messages", "limit=400&order=date_created desc"),
        ("messages", 'limit=400&filter=user_data like "%spring%"'),
    ],
)
def test_following_next_visits_every_record_once_and_previous_leads_back(
    full: Store, kind: str, query: str
) -> None:
    api = Api(full, Options())
    expected = 625 if "filter" in query else 2500
    seen: list[list[str]] = []
    url: str | None = f"/{kind}?{query}"
    while url is not None:
        page = api.get(url)
        seen.append(sids(page))
        assert page["has_more"] == ("next" in page["pagination"])
        last, url = page, page["pagination"].get("next")

    flat = [sid for page in seen for sid in page]
    assert len(flat) == len(set(flat)) == expected
    assert sids(api.get(last["pagination"]["previous"])) == seen[-2]


def test_after_and_before_are_two_ways_round_one_record(full: Store) -> None:
    api = Api(full, Options())
    everything = sids(api.get("/message_drs?limit=1000&order=date_stop"))
    middle = everything[500]

    assert (
        sids(api.get(f"/message_drs?order=date_stop&limit=3&after={middle}"))
        == (everything[501:504])
    )
    assert (
        sids(api.get(f"/message_drs?order=date_stop&limit=3&before={middle}"))
        == (everything[497:500])
    )
    assert api("GET", f"/message_drs?after={MISSING}").status_code == 404


@pytest.mark.parametrize(
    ("filter_", "count"),
    [
        ('status eq "delivered"', 4),
        ("status eq delivered", 4),
        ("status eq 'delivered' and type eq \"sms\"", 4),
        ('message like "%test%"', 2),
        ('message like "_est"', 0),
        ("mcc eq 310", 4),
        ("mcc gt 310", 0),
        ("mcc lt 99999999999999999999", 4),
        (f'message_sid eq "{MESSAGE.upper()}"', 1),
        ("mcc ge 310 and mcc lt 311", 4),
        ("price eq 0.01", 4),
        (f'message_sid eq "{MESSAGE}"', 1),
        ("date_created ge 2024-01-01T00:00:00Z", 3),
        ("date_created ge 2023-12-06 and date_created lt 2024-01-01", 1),
        ('user_data eq "\' OR 1=1 --"', 0),
        ("user_data eq vip", 1),
        ("from.nested eq x", 0),
    ],
)
def test_filters_compare_as_documented(api: Api, filter_: str, count: int) -> None:
    page = api.get("/messages", params={"filter": filter_})

    assert (page["count"], page["total"]) == (count, count)


@pytest.mark.parametrize(
    "query",
    [
        "filter=status",
        "filter=status eq",
        "filter=status is delivered",
        "filter=status ne delivered",
        "filter=status in (a, b)",
        "filter=status eq a or status eq b",
        "filter=not status eq a",
        "filter=(status eq a)",
        "filter=status eq a and",
        "filter=status eq a b",
        "filter=nonsense eq a",
        "filter=dr_sid eq a",
        "filter=body') --",
        "filter=mcc. eq 1",
        "filter=date_created ge 0001-01-01T00:00:00%2B23:00",
        "filter=date_created ge yesterday",
        "order=mcc..x",
        "order=mcc.x')/**/,(select(sqlite_version()))--",
        "order=nonsense",
        "order=status sideways",
        "order=status&after=" + MESSAGE,
        "order=shuffle&after=" + MESSAGE,
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=٣",
        "offset=-1",
        "offset=5&after=" + MESSAGE,
        "after=" + MESSAGE + "&before=" + MESSAGE,
        "includeFields=nonsense",
    ],
)
def test_what_the_documentation_does_not_allow_is_400(api: Api, query: str) -> None:
    assert api("GET", f"/messages?{query}").status_code == 400


def test_include_fields_narrows_one_and_many(api: Api) -> None:
    query = "includeFields=message_sid,user_data"

    assert api.get(f"/messages/{MESSAGE}?{query}") == {
        "message_sid": MESSAGE,
        "user_data": "updated_test_message",
    }
    page = api.get(f"/messages?limit=2&{query}")
    assert all(set(item) == {"message_sid", "user_data"} for item in page["items"])
    assert "includeFields=message_sid%2Cuser_data" in page["pagination"]["next"]


def test_an_order_may_be_shuffled(full: Store) -> None:
    api = Api(full, Options())
    usual = sids(api.get("/messages?limit=1000"))

    assert sids(api.get("/messages?limit=1000&order=shuffle")) != usual


# What the public clients send (github.com/carrierx): a stand-in must satisfy them.


def pages(api: Api, first: str, go_on: Callable[[Any], str | None]) -> list[str]:
    found: list[str] = []
    url: str | None = first
    while url is not None:
        page = api.get(url, headers={"content-type": "application/json"})
        found += sids(page)
        url = go_on(page)
    return found


def test_the_node_downloader_gets_all_records_in_three_requests(full: Store) -> None:
    """It sends no limit, follows `next` and stops at a page of less than a thousand."""
    api = Api(full, Options(default_limit=1000))
    asked = []

    def go_on(page: Any) -> str | None:
        asked.append(page["count"])
        return page["pagination"].get("next") if page["count"] >= 1000 else None

    assert len(pages(api, "/message_drs?order=date_stop", go_on)) == 2500
    assert asked == [1000, 1000, 500]


def test_the_node_downloader_goes_on_after_the_last_record_it_saw(full: Store) -> None:
    api = Api(full, Options(default_limit=1000))
    first = api.get("/message_drs?limit=1&order=date_stop&filter=date_stop ge 2025-01-01T00:30:00Z")
    (begin,) = sids(first)
    rest = pages(
        api,
        f"/message_drs?order=date_stop&after={begin}",
        lambda page: page["pagination"].get("next") if page["count"] >= 1000 else None,
    )

    assert len(rest) == 2500 - 1800 - 1


def test_the_python_downloader_gets_a_range_of_dates(full: Store) -> None:
    found = pages(
        Api(full, Options()),
        "/message_drs?filter=date_stop ge 2025-01-01T00:10:00Z and "
        "date_stop lt 2025-01-01T00:30:00Z&limit=1000&order=date_stop asc",
        lambda page: page["pagination"].get("next"),
    )

    assert len(found) == 1200


def test_the_sample_apps_loop_with_after_until_nothing_comes(full: Store) -> None:
    path = "/message_drs?limit=100&order=date_stop asc"
    found = pages(
        Api(full, Options()),
        path,
        lambda page: f"{path}&after={sids(page)[-1]}" if page["items"] else None,
    )

    assert len(found) == len(set(found)) == 2500


def test_the_python_sdk_can_list_and_ask_whether_a_record_exists(full: Store) -> None:
    api = Api(full, Options())
    one = sids(api.get("/messages?limit=1"))[0]
    exists = "/messages?offset=0&limit=1&includeFields=message_sid&filter=message_sid eq "

    assert api.get("/messages?offset=0&limit=1000")["count"] == 1000
    assert api.get(f'{exists}"{one}"')["total"] == 1
    assert api.get(f'{exists}"{MISSING}"')["total"] == 0


def test_the_same_seed_makes_the_same_records(tmp_path: Path) -> None:
    def made(name: str, number: int) -> list[tuple[str, str]]:
        with Store(tmp_path / name) as store:
            fixtures.add_synthetic(store, 50, drift=0.5, seed=number)
            return [row for kind in KINDS.values() for row in store.everything(kind)]

    assert made("a", 1) == made("b", 1)
    assert made("a2", 1) != made("c", 2)
    assert len({sid for sid, _ in made("d", 1)}) == 100


def test_dates_are_in_the_order_of_creation(full: Store) -> None:
    dates = [json.loads(body)["date_stop"] for _, body in full.everything(MESSAGE_DRS)]

    assert dates == sorted(dates)
    assert datetime.fromisoformat(dates[1]) - datetime.fromisoformat(dates[0]) == timedelta(
        seconds=1
    )


def test_adding_a_record_again_replaces_it(full: Store) -> None:
    before = sum(1 for _ in full.everything(MESSAGES))
    full.add(MESSAGES, [(sid(1), "{}"), (sid(1), '{"x":1}')])

    assert sum(1 for _ in full.everything(MESSAGES)) == before + 1
    assert full.get(MESSAGES, sid(1)) == '{"x":1}'


def test_the_content_type_is_read_as_http_says(api: Api) -> None:
    headers = {"content-type": "Application/JSON ; charset=utf-8"}

    assert api("PATCH", f"/messages/{MESSAGE}", content=b"{}", headers=headers).status_code == 200


def test_an_object_of_old_can_be_written(store: Store) -> None:
    store.add(MESSAGES, [(sid(1), f'{{"message_sid":"{sid(1)}","from_did":"1"}}')])
    api = Api(store, Options())

    answer = api("PATCH", f"/messages/{sid(1)}", json={"user_data": "x"})

    assert answer.json() == {"message_sid": sid(1), "from_did": "1", "user_data": "x"}


def test_a_client_that_leaves_in_the_middle_of_a_write_writes_nothing(
    api: Api, store: Store
) -> None:
    import asyncio

    path = f"/core/v2/sms/messages/{MESSAGE}"
    headers = [
        (b"authorization", f"Bearer {tokens.MANAGE}".encode()),
        (b"content-type", b"application/json"),
    ]
    scope: dict[str, Any] = {"type": "http", "method": "PATCH", "path": path, "headers": headers}
    scope |= {"query_string": b"", "root_path": "", "server": ("testserver", 80)}
    events = [
        {"type": "http.request", "body": b'{"user_data": "ha', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(api.app(scope, receive, send))

    assert sent[0]["status"] == 400
    assert json.loads(store.get(MESSAGES, MESSAGE) or "") == DOCUMENTED_MESSAGE
