"""Thousands of small worlds: the real code over a made-up API, made-up time and one dice each.

A world is a function of its seed: which records there are, which are wanted, how the API lists
them, and which requests meet which fault. What must hold in every one of them is asserted from the
API's own record of what it was asked. A seed that ever failed is kept by name at the end.

`WORLDS=50000 make test` runs more of them.
"""

import asyncio
import json
import os
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

import virtual
from reconciler.client.fetch import ReadMode, ReadOptions, read
from reconciler.client.http import connect
from reconciler.client.read_only import ReadOnly
from reconciler.client.retry import Budget, Retrying
from reconciler.client.throttle import Throttle, Throttled
from reconciler.client.transport import LoopClock, Transport
from reconciler.credentials import Secret
from reconciler.errors import ApiError
from reconciler.model import Address, Current, Record, Source, Unreadable
from writing import sid

pytestmark = pytest.mark.slow

WORLDS = int(os.environ.get("WORLDS", "2000"))
URL = "https://api.example.com/core/v2"
TOKEN = "canary-7f3a9b1c"
SOURCE = Source("m.yaml", 1, 1)
JSON = {"content-type": "application/json"}


class Asked(NamedTuple):
    """One request as the API saw it."""

    at: float
    path: str
    fault: str


class World:
    """An account behind a bad network, as its seed says."""

    def __init__(self, seed: int) -> None:
        dice = self.dice = random.Random(seed)
        self.sids = [sid(n) for n in range(dice.choice([1, 5, 30, 1500, 2500]))]
        wanted = dice.randint(1, min(len(self.sids), dice.choice([1, 10, 60])))
        self.wanted = dice.sample(self.sids, wanted)
        self.missing = [sid(10_000 + n) for n in range(dice.choice([0, 0, 2]))]
        self.how: ReadMode = dice.choice(["auto", "each", "sweep"])
        self.parallelism = dice.choice([1, 4, 16])
        self.page_records = dice.choice([10, 1000])
        self.knows = dice.choice([("after", "includeFields"), ("after",), ("offset",), ()])
        self.bad = dice.choice([0.0, 0.02, 0.2, 1.0])
        self.faults = dice.sample(sorted(FAULTS), dice.randint(1, 4))
        self.expires_after = dice.choice([None, None, None, 5])
        self.asked: list[Asked] = []
        self.held_until = 0.0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """What the API says; everything that it is asked is remembered."""
        loop = asyncio.get_running_loop()
        assert request.method == "GET"
        assert str(request.url).startswith(URL)
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        expired = self.expires_after is not None and len(self.asked) >= self.expires_after
        fault = self.dice.choice(self.faults) if self.dice.random() < self.bad else ""
        path = request.url.path.removeprefix("/core/v2/sms/messages")
        self.asked.append(Asked(loop.time(), path, "401" if expired else fault))
        await asyncio.sleep(self.dice.uniform(0.01, 0.3))
        if expired:
            return httpx.Response(401, json={"message": "bad credentials", "errors": []})
        if fault:
            faulty: httpx.Response = await FAULTS[fault](self, request)
            return faulty
        return self.good(request, path)

    def good(self, request: httpx.Request, path: str) -> httpx.Response:
        """The right answer."""
        query = request.url.params
        unknown = set(query) - {"limit", *self.knows}
        if unknown:
            return httpx.Response(400, json={"message": "unknown parameter"})
        if path:
            one = path.removeprefix("/")
            if one not in self.sids:
                return httpx.Response(404, json={"message": "no item error"})
            return httpx.Response(200, json=item(one))
        start = int(query.get("offset", 0))
        if "after" in query:
            start = self.sids.index(query["after"]) + 1
        chosen = self.sids[start : start + self.page_records]
        more = start + self.page_records < len(self.sids)
        return httpx.Response(
            200, json={"items": [item(one) for one in chosen], "has_more": more, "total": None}
        )


def item(one: str) -> dict[str, str]:
    return {"message_sid": one, "user_data": f"of {one}", "date_changed": "d"}


async def busy(world: World, _: httpx.Request) -> httpx.Response:
    seconds = world.dice.choice([1, 5, 30])
    now = asyncio.get_running_loop().time()
    world.held_until = max(world.held_until, now + seconds)
    return httpx.Response(429, headers={"retry-after": str(seconds)})


async def lost(world: World, request: httpx.Request) -> httpx.Response:
    error = world.dice.choice([httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout])
    raise error("lost", request=request)


async def down(_: World, request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def slow(world: World, request: httpx.Request) -> httpx.Response:
    await asyncio.sleep(60)
    return world.good(request, request.url.path.removeprefix("/core/v2/sms/messages"))


def saying(status: int, body: bytes = b"", kind: str = "application/json") -> Any:
    async def say(_: World, __: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"content-type": kind})

    return say


Fault = Callable[[World, httpx.Request], Any]
FAULTS: dict[str, Fault] = {
    "busy": busy,
    "lost": lost,
    "down": down,
    "slow": slow,
    "500": saying(500),
    "503": saying(503),
    "html": saying(200, b"<html>", "text/html"),
    "cut": saying(200, b'{"items":[{"message_sid"'),
    "redirect": saying(302),
    "another record": saying(200, json.dumps(item(sid(99_999))).encode()),
    "null": saying(200, b"null"),
}


class Story(NamedTuple):
    """What came of a world."""

    world: World
    found: dict[str, Current | Unreadable]
    error: ApiError | None
    seconds: float


def live(seed: int) -> Story:
    """Reads a world to its end."""
    world = World(seed)
    found: dict[str, Current | Unreadable] = {}
    records = [
        Record(Address("messages", one), "x", False, SOURCE)
        for one in (*world.wanted, *world.missing)
    ]

    def take(address: Address, live_: Current | Unreadable) -> None:
        assert address.sid not in found, "told twice"
        found[address.sid] = live_

    async def main() -> ApiError | None:
        transport = httpx.MockTransport(world.answer)
        async with connect(URL, Secret(TOKEN), transport=transport) as http:
            clock = LoopClock()
            pace = Throttle(clock, ceiling=world.parallelism)
            budget = Budget(len(records))
            stack: Transport = Retrying(Throttled(http, pace), budget, clock, world.dice.random)
            try:
                await read(
                    records,
                    ReadOnly(stack),
                    ReadOptions(world.parallelism, world.how),
                    take,
                )
            except ApiError as error:
                return error
        return None

    error, seconds = virtual.run(main())
    return Story(world, found, error, seconds)


def check(story: Story) -> None:
    """What holds in every world."""
    world, found = story.world, story.found
    wanted = {*world.wanted, *world.missing}
    # Nothing is made up: a value is the record's own, an absence was told by the API itself.
    for one, live_ in found.items():
        if isinstance(live_, Current):
            assert live_ == Current(f"of {one}", "d")
            assert one in world.sids
        elif live_.status == 404:
            assert one in world.missing
    # Nothing is forgotten: unless the run as a whole was given up, each record is spoken of.
    if story.error is None:
        assert found.keys() == wanted
        if world.bad == 0.0 and world.expires_after is None:
            assert sum(isinstance(live_, Current) for live_ in found.values()) == len(world.wanted)
    # The load is bounded, in an outage too.
    pages = -(-len(world.sids) // world.page_records) + 2
    retries = 20 + len(wanted) // 10
    assert len(world.asked) <= 2 * len(wanted) + 2 * pages + retries + world.parallelism
    # After a refused token nothing new is begun.
    refused = [number for number, asked in enumerate(world.asked) if asked.fault == "401"]
    if refused:
        assert story.error is None or "401" in str(story.error) or "connect" in str(story.error)
        assert len(world.asked) - refused[0] <= world.parallelism + 1
    # Nothing the API or the network said shows the token.
    assert TOKEN not in f"{story.error} {found}"


def test_what_must_hold_holds_in_every_world() -> None:
    for seed in range(WORLDS):
        try:
            check(live(seed))
        except BaseException as error:
            error.add_note(f"in the world of seed {seed}")
            raise


def test_a_world_is_a_function_of_its_seed() -> None:
    for seed in range(30):
        first, second = live(seed), live(seed)
        assert (first.found, first.seconds) == (second.found, second.seconds)
        assert first.world.asked == second.world.asked


def test_the_worlds_hold_what_they_are_meant_to_hold() -> None:
    stories = [live(seed) for seed in range(300)]
    met = {asked.fault for story in stories for asked in story.world.asked}

    assert met == {"", "401", *FAULTS}
    assert any(story.error for story in stories)
    assert any(story.seconds > 20 for story in stories)
    assert {story.world.how for story in stories} == {"auto", "each", "sweep"}


def test_nobody_asks_while_the_api_asked_to_wait() -> None:
    for seed in range(300):
        world = World(seed)
        world.bad, world.faults, world.expires_after = 0.1, ["busy"], None
        began: list[tuple[float, float]] = []
        inner = world.answer

        async def answer(
            request: httpx.Request,
            world: World = world,
            began: list[tuple[float, float]] = began,
            inner: Callable[[httpx.Request], Any] = inner,
        ) -> httpx.Response:
            began.append((asyncio.get_running_loop().time(), world.held_until))
            response: httpx.Response = await inner(request)
            return response

        world.answer = answer  # type: ignore[method-assign]
        live_in(world)
        assert all(at >= until for at, until in began), seed


def live_in(world: World) -> None:
    """Reads a world that was made elsewhere."""

    async def main() -> None:
        transport = httpx.MockTransport(world.answer)
        async with connect(URL, Secret(TOKEN), transport=transport) as http:
            clock = LoopClock()
            stack = Retrying(
                Throttled(http, Throttle(clock, ceiling=world.parallelism)),
                Budget(1000),
                clock,
                world.dice.random,
            )
            records = [Record(Address("messages", one), "x", False, SOURCE) for one in world.wanted]
            await read(
                records,
                stack,
                ReadOptions(world.parallelism, world.how),
                lambda _, __: None,
            )

    virtual.run(main())


@pytest.mark.parametrize("seed", [0])
def test_seeds_that_failed_once(seed: int) -> None:
    check(live(seed))
