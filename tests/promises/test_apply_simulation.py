"""Thousands of small worlds in which plans are applied: the real code, made-up time, one dice each.

In a world requests get lost on both ways, answers are wrong, writes come late, somebody else edits
the same records, runs are killed and run again, and two of them may meet. What reliability means is
asserted from what the API itself saw. That the assertions can fail is shown by mutants of the code,
each of which is caught by the name of what it breaks.

`WORLDS=50000` runs more of them (`make soak`). A seed that ever failed is kept at the end.
"""

import asyncio
import json
import os
import random
import types
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

import reconciler
import virtual
from reconciler.applying import executor as apply_module
from reconciler.applying import journal_format, outcomes
from reconciler.applying.journal_format import RunEnded, RunStarted
from reconciler.applying.journal_writer import JournalWriter
from reconciler.client import retry as retry_module
from reconciler.client import throttle as pace_module
from reconciler.client.http import connect
from reconciler.client.throttle import MAX_READ_AGE_SECONDS
from reconciler.client.transport import LoopClock
from reconciler.credentials import Secret
from reconciler.model import Address, Change, Origin, Outcome, OutcomeName, Source
from writing import sid

pytestmark = pytest.mark.slow

WORLDS = int(os.environ.get("WORLDS", "2000"))
URL = "https://api.example.com/core/v2"
SOURCE = Source("m.yaml", 1, 1)


class Code(NamedTuple):
    """The modules under test, or mutants of them."""

    apply: Any = apply_module
    pace: Any = pace_module
    retry: Any = retry_module


REAL = Code()


class Seen(NamedTuple):
    """One thing that happened to a record, as the API knows it."""

    at: float
    run: str
    what: str  # get, patch (asked for), done (took effect), edit (by somebody else), answer
    sid: str
    value: str | None
    status: int = 0


class BrokenError(AssertionError):
    """A promise that a world broke, by its name."""


class World:
    """An account, its network, and everybody who touches it."""

    def __init__(self, seed: int) -> None:
        dice = self.dice = random.Random(seed)
        count = dice.choice([1, 2, 5, 15])
        self.held: dict[str, str | None] = {sid(n): f"old-{n}" for n in range(count)}
        self.parallelism = dice.choice([1, 3, 8])
        self.bad = dice.choice([0.0, 0.05, 0.3, 0.9])
        self.faults = dice.sample(FAULTS, dice.randint(1, 4))
        self.edits = dice.choice([0, 0, 1, 6])
        self.waits = [1, 5, 30]
        self.crash_at = dice.choice([None, None, dice.uniform(0, 2), dice.uniform(0, 40)])
        self.second = dice.choice(["", "", "same", "other"])
        self.expires_after = dice.choice([None, None, None, dice.randint(0, 10)])
        self.trims = {one for one in self.held if dice.random() < 0.05}
        self.refuses = {one for one in self.held if dice.random() < 0.05}
        self.history: list[Seen] = []
        self.disks: dict[str, bytearray] = defaultdict(bytearray)
        self.durable: dict[str, int] = defaultdict(int)
        self.broken: list[str] = []
        self.asked: dict[str, int] = defaultdict(int)
        self.held_until: dict[str, float] = defaultdict(float)
        self.refused_at: dict[str, int] = {}
        self.effects: set[asyncio.Task[None]] = set()

    def plan(self, label: str) -> list[Change]:
        """What is wanted of every record; one in five is there already, or was never so."""
        dice = random.Random(label)
        return [
            Change(
                Address("messages", one),
                Origin.CHANGE,
                self.held[one] if dice.random() > 0.1 else "never",
                f"{label}-{number}" if dice.random() > 0.1 else self.held[one],
                SOURCE,
            )
            for number, one in enumerate(self.held)
        ]

    def see(self, run: str, what: str, one: str, value: str | None, status: int = 0) -> None:
        self.history.append(Seen(now(), run, what, one, value, status))

    # -- the API

    async def answer(self, run: str, request: httpx.Request) -> httpx.Response:
        """What the API says to one request of a run, if its answer arrives."""
        self.asked[run] += 1
        one = request.url.path.rpartition("/")[2]
        if now() < self.held_until[run]:
            self.broken.append("asks while it was asked to wait")
        fault = self.dice.choice(self.faults) if self.dice.random() < self.bad else ""
        await asyncio.sleep(self.dice.uniform(0.01, 0.3))
        if self.expires_after is not None and self.asked[run] > self.expires_after:
            self.refused_at.setdefault(run, self.asked[run])
            return httpx.Response(401, json={"message": "bad credentials", "errors": []})
        if fault == "refused":
            raise httpx.ConnectError("refused", request=request)
        if fault == "busy":
            seconds = self.dice.choice(self.waits)
            self.held_until[run] = max(self.held_until[run], now() + seconds)
            return httpx.Response(429, headers={"retry-after": str(seconds)})
        if request.method == "GET":
            return await self.read(run, one, fault, request)
        return await self.write(run, one, fault, request)

    async def read(self, run: str, one: str, fault: str, request: httpx.Request) -> httpx.Response:
        value = self.held[one]
        broken = await self.spoil(fault, request)
        if broken is not None:
            return broken
        self.see(run, "get", one, value)
        return whole(one, value)

    async def write(self, run: str, one: str, fault: str, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if body.keys() != {"user_data"}:
            self.broken.append("writes more than user_data")
        value = body["user_data"]
        self.see(run, "patch", one, value)
        if f'"messages/{one}"'.encode() not in self.disks[run][: self.durable[run]]:
            self.broken.append("writes what is not noted")
        if one in self.refuses:
            return httpx.Response(422, json={"message": "no", "errors": []})
        if fault in ("409", "503 before", "reset before"):
            await asyncio.sleep(0.1)
        elif fault == "comes late":
            self.later(run, one, value)
            raise httpx.ReadError("reset", request=request)
        else:
            await asyncio.shield(self.do(run, one, value))
        if fault == "409":
            return httpx.Response(409, json={"message": "try again", "errors": []})
        if fault == "503 before":
            return httpx.Response(503)
        if fault == "reset before":
            raise httpx.RemoteProtocolError("reset", request=request)
        stored = self.held[one]
        broken = await self.spoil(fault, request)
        if broken is not None:
            return broken
        self.see(run, "answer", one, stored)
        return whole(one, stored)

    async def spoil(self, fault: str, request: httpx.Request) -> httpx.Response | None:
        """What comes instead of the right answer, after all was done."""
        if fault == "reset after":
            raise httpx.ReadError("reset", request=request)
        if fault == "slow":
            await asyncio.sleep(60)
        if fault == "500 after":
            return httpx.Response(500)
        if fault == "html":
            return httpx.Response(200, headers={"content-type": "text/html"}, content=b"<html>")
        return None

    def do(self, run: str, one: str, value: str | None) -> "asyncio.Task[None]":
        """A write takes effect, whether or not whoever asked for it is still there."""

        async def effect() -> None:
            await asyncio.sleep(self.dice.uniform(0, 0.1))
            kept = value[:-1] if one in self.trims and value else value
            self.held[one] = kept
            self.see(run, "done", one, kept)

        task = asyncio.create_task(effect())
        self.effects.add(task)
        return task

    def later(self, run: str, one: str, value: str | None) -> None:
        async def effect() -> None:
            await asyncio.sleep(self.dice.uniform(0.5, 90))
            await self.do(run, one, value)

        self.effects.add(asyncio.create_task(effect()))

    async def edit(self) -> None:
        """Somebody else changes records, each time to a value that nobody has seen."""
        for number in range(self.edits):
            await asyncio.sleep(self.dice.uniform(0, 5))
            one = self.dice.choice(list(self.held))
            self.held[one] = f"theirs-{number}"
            self.see("", "edit", one, self.held[one])

    # -- a run

    async def run(
        self, code: Code, name: str, changes: list[Change], crash_at: float | None
    ) -> list[Outcome] | None:
        """The outcomes of an apply; None where it was killed."""
        disk, dice = self.disks[name], self.dice

        world = self

        class Disk:
            def write(self, data: bytes) -> None:
                disk.extend(data)

            async def sync(self) -> None:
                written = len(disk)
                await asyncio.sleep(dice.uniform(0.001, 0.05))
                world.durable[name] = written

        async def main() -> list[Outcome]:
            transport = httpx.MockTransport(lambda request: self.answer(name, request))
            async with connect(URL, Secret("canary-7f3a9b1c"), transport=transport) as http:
                clock = LoopClock()
                budget = code.retry.Budget(2 * len(changes))
                pace = code.pace.Throttle(clock, ceiling=self.parallelism)
                paced = code.pace.Throttled(http, pace)
                stack = code.retry.Retrying(paced, budget, clock, dice.random)
                kept = JournalWriter(Disk())
                await kept.begin(
                    RunStarted(name, 1, "0", "d", URL, "patch", "h", 1, "t", self.parallelism)
                )
                means = code.apply.ApplyContext(stack, budget, clock, dice.random, kept)
                manner = code.apply.ApplyOptions(parallelism=self.parallelism)
                outcomes: list[Outcome] = await code.apply.Executor(means, manner).run(changes)
                await kept.end(RunEnded("t", name))
                return outcomes

        try:
            return await asyncio.wait_for(main(), crash_at)
        except TimeoutError:
            return None

    async def settle(self) -> None:
        """Until everything that may still come has come."""
        while self.effects:
            done, self.effects = self.effects, set()
            await asyncio.gather(*done)

    # -- what must hold

    def check(self, name: str, changes: list[Change], outcomes: list[Outcome] | None) -> None:
        """The promises about one run, from what the API saw of it."""
        mine = [seen for seen in self.history if seen.run == name]
        planned = {change.address.sid: change for change in changes}
        by_sid: dict[str, list[Seen]] = defaultdict(list)
        last: dict[str, Seen] = {}
        for seen in mine:
            by_sid[seen.sid].append(seen)
            if seen.what == "patch":
                change, look = planned[seen.sid], last.get(seen.sid)
                if seen.value != change.after:
                    self.broken.append("writes what was not planned")
                if look is None or look.what != "get" or look.value != change.before:
                    self.broken.append("writes without a fresh look at what was planned")
                elif seen.at - look.at > MAX_READ_AGE_SECONDS + 1:
                    self.broken.append("writes by an old look")
            if seen.what in ("get", "patch"):
                last[seen.sid] = seen
        self.check_load(name, len(changes))
        for outcome in outcomes or []:
            self.check_outcome(outcome, by_sid[outcome.change.address.sid])
        if outcomes is not None and [outcome.change for outcome in outcomes] != changes:
            self.broken.append("forgets a record")

    def check_load(self, name: str, changes: int) -> None:
        """A bad day is not made worse."""
        retries = 20 + 2 * changes // 10
        if self.asked[name] > 3 * changes + 2 * retries + self.parallelism:
            self.broken.append("asks without end")
        if (
            name in self.refused_at
            and self.asked[name] > self.refused_at[name] + 4 * self.parallelism
        ):
            self.broken.append("goes on with a refused token")

    def check_outcome(self, outcome: Outcome, mine: list[Seen]) -> None:
        """A verdict is never a guess."""
        shown = [s.value for s in mine if s.what in ("get", "answer")]
        wrote = any(seen.what == "patch" for seen in mine)
        took_effect = any(seen.what == "done" for seen in mine)
        name, after = outcome.name, outcome.change.after
        if name in (OutcomeName.APPLIED, OutcomeName.ALREADY) and after not in shown:
            self.broken.append(f"says {name} without having seen it")
        if name is OutcomeName.APPLIED and shown and shown[-1] != after:
            self.broken.append("says applied of what is stored otherwise")
        if name is OutcomeName.UNKNOWN and not wrote:
            self.broken.append("says unknown of what was never sent")
        certain = set(OutcomeName) - {
            OutcomeName.APPLIED, OutcomeName.ALTERED, OutcomeName.UNKNOWN, OutcomeName.ALREADY
        }  # fmt: skip
        if name in certain and took_effect:
            self.broken.append(f"says {name} of what was written")


FAULTS = [
    *("refused", "busy", "409", "503 before", "reset before", "reset after", "500 after"),
    *("slow", "html", "comes late"),
]


def now() -> float:
    return asyncio.get_running_loop().time()


def whole(one: str, value: str | None) -> httpx.Response:
    return httpx.Response(200, json={"message_sid": one, "user_data": value, "status": "sent"})


def live(seed: int, code: Code = REAL) -> World:
    """A world from its beginning to the point where nothing more can come."""
    world = World(seed)

    async def main() -> None:
        plans = {"one": world.plan("new")}
        if world.second:
            label = "new" if world.second == "same" else "another"
            plans["two"] = world.plan(label)
        editing = asyncio.create_task(world.edit())
        runs = await asyncio.gather(
            *(world.run(code, name, plan, world.crash_at) for name, plan in plans.items())
        )
        for (name, plan), ended in zip(plans.items(), runs, strict=True):
            world.check(name, plan, ended)
        await editing
        await world.settle()
        for (name, plan), ended in zip(plans.items(), runs, strict=True):
            world.check(name, plan, ended)  # also of what came late
            told = (
                journal_format.read(bytes(world.disks[name]), name) if world.disks[name] else None
            )
            sent = {s.sid for s in world.history if s.run == name and s.what == "patch"}
            known = {a.sid for a in (*told.outcomes, *told.in_flight)} if told else set()
            if not sent <= known:
                world.broken.append("does not know what may have been in flight")
            if ended is not None and (told is None or told.in_flight or not told.closed):
                world.broken.append("leaves its journal open")
        await cured(world, code, plans["one"])

    virtual.run(main())
    if world.broken:
        raise BrokenError(", ".join(dict.fromkeys(world.broken)))
    return world


async def cured(world: World, code: Code, plan: list[Change]) -> None:
    """Running it again in peace writes the rest, and after that nothing."""
    world.bad, world.expires_after = 0.0, None
    first = await world.run(code, "again", plan, None)
    await world.settle()
    world.check("again", plan, first)
    for change, outcome in zip(plan, first or [], strict=True):
        one = change.address.sid
        there = world.held[one] == change.after
        left = outcome.name in (OutcomeName.STALE, OutcomeName.ALTERED, OutcomeName.REJECTED)
        if not (there or left):
            world.broken.append("running again is no cure")
    before = sum(seen.what == "patch" for seen in world.history)
    second = await world.run(code, "once more", plan, None)
    wrote = sum(seen.what == "patch" for seen in world.history) - before
    may = sum(o.name in (OutcomeName.ALTERED, OutcomeName.REJECTED) for o in second or [])
    if wrote > may:
        world.broken.append("writes twice")


def test_what_must_hold_holds_in_every_world() -> None:
    for seed in range(WORLDS):
        try:
            live(seed)
        except BaseException as error:
            error.add_note(f"in the world of seed {seed}")
            raise


def test_a_world_is_a_function_of_its_seed() -> None:
    for seed in range(40):
        assert live(seed).history == live(seed).history


def test_the_worlds_hold_what_they_are_meant_to_hold() -> None:
    worlds = [live(seed) for seed in range(300)]
    names = {seen.what for world in worlds for seen in world.history}

    assert names == {"get", "patch", "done", "edit", "answer"}
    assert any(world.crash_at is not None and "two" in world.disks for world in worlds)
    assert any(seen.at > 60 for world in worlds for seen in world.history)


def test_ten_thousand_writes_over_a_bad_network_all_converge() -> None:
    """Parallelism 10, one in a hundred each: 429, 500, reset before and after, late, never."""
    world = World(0)
    world.held = {sid(number): "old" for number in range(10_000)}
    world.trims, world.refuses, world.expires_after = set(), set(), None
    world.faults = ["busy", "500 after", "reset before", "reset after", "comes late", "503 before"]
    world.bad, world.parallelism, world.waits = 0.06, 10, [1]
    plan = [
        Change(Address("messages", one), Origin.CHANGE, "old", "new", SOURCE) for one in world.held
    ]

    async def main() -> list[Outcome] | None:
        world.edits = 50
        editing = asyncio.create_task(world.edit())
        outcomes = await world.run(Code(), "one", plan, None)
        await editing
        return outcomes

    outcomes, _ = virtual.run(main())
    world.check("one", plan, outcomes)

    assert not world.broken
    names = {outcome.name for outcome in outcomes or []}
    assert names <= {OutcomeName.APPLIED, OutcomeName.ALREADY, OutcomeName.STALE}
    retries = 20 + 2 * len(plan) // 10
    assert world.asked["one"] <= 3 * len(plan) + retries
    edited = {seen.sid for seen in world.history if seen.what == "edit"}
    assert {sid_ for sid_, value in world.held.items() if value != "new"} <= edited


# ---- mutants


def mutated(module: Any, *edits: tuple[str, str]) -> Any:
    """The module with these edits of its source."""
    path = (
        Path(reconciler.__file__).parent
        / f"{module.__name__.split('.', 1)[1].replace('.', '/')}.py"
    )
    source = path.read_text("utf-8")
    for old, new in edits:
        assert source.count(old) == 1, f"{old!r} is in {path.name} {source.count(old)} times"
        source = source.replace(old, new)
    mutant = types.ModuleType(module.__name__)
    exec(compile(source, str(path), "exec"), mutant.__dict__)  # noqa: S102  our own source
    return mutant


def judging(old: str, new: str) -> Any:
    """An apply that judges its answers otherwise."""
    mutant = mutated(apply_module)
    mutant.outcomes = mutated(outcomes, (old, new))
    return mutant


READ = (
    "            read = await self._re_read(change, doubt)\n"
    "            if isinstance(read, Outcome):\n                return read\n            if self"
)
NOTE = "            if self._stopped or not await self._note_intent(change, writes + 1):\n"
WRITE = "            written = await self._write(change, read, doubt)\n"
MUTANTS: dict[str, tuple[Code, str]] = {
    "blind retry": (
        Code(mutated(apply_module, (READ, READ.replace(
            "read = await", "read = read if writes else await"
        )))),
        "without a fresh look",
    ),
    "no precondition": (
        Code(mutated(apply_module, ("if live.user_data != change.before:", "if False:"))),
        "without a fresh look",
    ),
    "trust any 2xx": (
        Code(mutated(apply_module, (
            "        if refusal.status in _RETRIED:",
            "        if refusal.status < 300:\n"
            "            return Outcome(change, OutcomeName.APPLIED)\n"
            "        if refusal.status in _RETRIED:",
        ))),
        "says applied without having seen it",
    ),
    "no echo check": (
        Code(judging("    if is_in_place(change, stored):\n", "    if True:\n")),
        "says applied",
    ),
    "forget that a write is in doubt": (
        Code(judging("    if doubt is not None:\n", "    if False:\n")),
        "of what was written",
    ),
    "journal afterwards": (
        Code(mutated(apply_module,
            (NOTE, "            if self._stopped:\n"),
            (WRITE, f"{WRITE}            await self._note_intent(change, writes + 1)\n"),
        )),
        "writes what is not noted",
    ),
    "no budget": (
        Code(retry=mutated(retry_module, ("return self._left >= 0", "return True"))),
        "asks without end",
    ),
    "ignore Retry-After": (
        Code(pace=mutated(pace_module, (
            "        if seconds is None:\n            return\n        until",
            "        return\n        until",
        ))),
        "asks while it was asked to wait",
    ),
    "hammer a 401": (
        Code(mutated(apply_module, (
            "            self.stop(self.refused)\n", "            pass\n"
        ))),
        "goes on with a refused token",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_caught_by_the_promise_that_it_breaks(name: str) -> None:
    code, promise = MUTANTS[name]
    told: list[str] = []
    for seed in range(1500):
        try:
            live(seed, code)
        except BrokenError as broken:
            told.append(str(broken))
            if promise in str(broken):
                return
    raise AssertionError(f"{name} lives; it was only told: {set(told)}")


@pytest.mark.parametrize("seed", [0])
def test_seeds_that_failed_once(seed: int) -> None:
    live(seed)
