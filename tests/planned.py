"""Plans for tests of what is shown: of every sort, hostile values among them, and large ones."""

import random

from msgspec import structs

from reconciler.model import (
    Address,
    Change,
    Conflict,
    Current,
    GuardResult,
    Meta,
    Origin,
    Plan,
    Record,
    Released,
    Revisions,
    Scope,
    Source,
    Unreadable,
)
from reconciler.planning.builder import PlanBuilder
from reconciler.planning.compare import PlanRequest
from reconciler.planning.digest import digest
from reconciler.planning.guards.registry import judge
from writing import sid

URL = "https://api.carrierx.com/core/v2"

ROWS: list[tuple[str | None, str | None, bool]] = [
    ("updated_test_message", "OPS-123", False),
    (None, "vip", False),
    ("internal test", None, False),
    ('{"campaign":"winter","owner":"a"}', '{"campaign":"spring","owner":"a","tags":["x"]}', True),
    ('{"gone":1,"a/b":{"deep":[1,2]}}', '{"a/b":{"deep":[1,true]}}', True),
    (None, '{"campaign":"spring","nested":{"x":1.50}}', True),
    ("test_message", '{"campaign":"spring"}', True),
    ("a" * 60, "b" * 60, False),
    ("\x1b[2J::error::\u202e\n| `x` <b>", 'e\u0301 \\ "q"\t', False),
    ("same", "same", False),
]


def mixed() -> Plan:
    """One record of every sort, hostile values among them."""
    records = {}
    live = {}
    for number, (before, after, structured) in enumerate(ROWS):
        address = Address(("messages", "message_drs")[number % 2], sid(number))
        source = Source(f"manifests/team-{number % 3}.yaml", number + 2, 3)
        records[address] = Record(address, after, structured, source)
        live[address] = Current(before)
    source = Source("manifests/\x1b\u202e.yaml", 9, 3)
    lost = [
        Unreadable(Address("messages", sid(900 + number)), source, status, reason)
        for number, (status, reason) in enumerate(
            [
                (404, "cannot find item by sid"),
                (None, "no whole answer: timed out"),
                (403, "\x1b[2Jno"),
            ]
        )
    ]
    records |= {one.address: Record(one.address, "x", False, source) for one in lost}
    draft = PlanBuilder(URL, PlanRequest(records))
    for address, current in live.items():
        draft.add(address, current)
    for one in lost:
        draft.add(one.address, one)
    return draft.plan()


def approval() -> Plan:
    """A plan with a base, a conflict, released records, guards and values that are not shown."""
    address = [Address("messages", sid(n)) for n in range(40)]
    secret = ("/token",)
    old, new = '{"n":1,"token":"a"}', '{"n":2,"token":"b"}'
    poem = "\n".join(f"line {n}" for n in range(12))
    changes = (
        Change(address[0], Origin.DRIFT, old, new, SOURCE, secret),
        Change(address[1], Origin.CHANGE, '{"token":"a"}', None, SOURCE, secret, released=True),
        Change(address[2], Origin.CHANGE, poem, poem.replace("line 5", "verse 5"), SOURCE),
    )
    base, git, live = '{"o":{"p":1}}', '{"o":{"p":2}}', '{"o":{}}'
    return Plan(
        URL,
        digest(URL, changes),
        changes,
        in_sync=5,
        conflicts=(
            Conflict(address[3], base, git, live, ("/o/p",), SOURCE),
            Conflict(address[4], "base", "::error::git", None, ("",), SOURCE),
            Conflict(address[5], old, new, '{"token":"c"}', ("/n", "/token"), SOURCE, secret),
        ),
        released=tuple(Released(one, SOURCE) for one in address[10:32]),
        left_alone=2,
        revisions=Revisions("1a2b3c4" + "0" * 33, "where this branch left origin/m\x1b[2Jain"),
        scope=Scope(5000, "5e6f7a8" + "0" * 33, ("a*",), ("b\x1b",), (Origin.CHANGE,)),
        guards=(
            GuardResult("max_clears", 0, 1, ok=False, first=(str(address[1]),)),
            GuardResult("max_change_percent", 30, 40.1, ok=True, allowed=41),
            GuardResult("max_changes", 30, 3, ok=True),
        ),
        meta=Meta("0", "", "key"),
    )


SOURCE = Source("manifests/a.yaml", 2, 3)


def unread() -> Plan:
    """Many records that could not be read, for a few reasons; and one that could."""
    reasons: list[tuple[int | None, str]] = [(404, "cannot find item by sid")] * 40
    reasons += [(None, "no whole answer: timed out")] * 4 + [(403, "\x1b[2Jno")]
    reasons += [(500, f"error {n}") for n in range(30)]
    change = Change(Address("messages", sid(999)), Origin.CHANGE, "a", "b", SOURCE)
    lost = tuple(
        Unreadable(Address("messages", sid(n)), Source("manifests/a.yaml", n + 3, 3), *reason)
        for n, reason in enumerate(reasons)
    )
    return Plan(URL, digest(URL, (change,)), (change,), 0, unreadable=lost)


def long_plan() -> Plan:
    """Many changes, most of them alike."""
    texts: list[tuple[str | None, str | None]] = []
    texts += [('{"campaign":"winter","n":%d}', '{"campaign":"spring","n":%d}')] * 60
    texts += [('"x%d"', None)] * 2 + [("same", None)] * 5 + [(None, '{"owner":"team-a"}')] * 12
    texts += [('{"legacy":"L%d","n":1}', '{"n":1}')] * 5
    texts += [('{"note":"was %d"}', '{"note":"is %d"}')] * 8
    changes = tuple(
        Change(
            Address("messages", sid(n)),
            Origin.DRIFT if n % 20 == 19 else Origin.CHANGE,
            before % n if before and "%" in before else before,
            after % n if after and "%" in after else after,
            Source("manifests/a.yaml", 2 + n, 3),
        )
        for n, (before, after) in enumerate(texts)
    )
    return Plan(URL, digest(URL, changes), changes, 0, scope=Scope(5000))


def large(count: int) -> Plan:
    """So many changes of a few shapes, in 25 files, with what stops an apply."""
    dice = random.Random(count)
    changes = []
    for n in range(count):
        before, after = _texts(n, dice.random())
        changes.append(
            Change(
                Address(("messages", "message_drs")[n % 3 == 0], f"{dice.getrandbits(128):032x}"),
                Origin.DRIFT if dice.random() < 0.2 else Origin.CHANGE,
                before,
                after,
                Source(f"manifests/team-{n % 25:02}/records.yaml", 2 + n // 25 * 4, 3),
            )
        )
    ordered = tuple(sorted(map(_with_sid, changes), key=lambda change: change.address))
    lost = Unreadable(
        Address("messages", sid(1)), ordered[0].source, 404, "cannot find item by sid"
    )
    plan = Plan(
        URL,
        digest(URL, ordered),
        ordered,
        in_sync=count,
        unreadable=(lost,),
        revisions=Revisions("1a2b3c4" + "0" * 33, "origin/main", "9c0de11" + "0" * 33),
        scope=Scope(2 * count + 1),
        meta=Meta("1.0", "2026-01-05T09:14:00+00:00"),
    )
    limits = {"max_change_percent": 30, "max_overwrites": 0}
    return structs.replace(plan, guards=judge(plan, limits, {}))


def _with_sid(change: Change) -> Change:
    raw = change.address.sid
    dashed = f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"
    return structs.replace(change, address=Address(change.address.kind, dashed))


def _texts(n: int, roll: float) -> tuple[str | None, str | None]:
    if roll < 0.75:
        return '{"campaign":"winter-2025","n":1}', '{"campaign":"spring-2026","n":1}'
    if roll < 0.87:
        return '{"tier":"gold"}', '{"owner":"team-billing","tier":"platinum"}'
    if roll < 0.92:
        return f'{{"note":"called back at {n}"}}', f'{{"note":"resolved at {n}"}}'
    if roll < 0.95:
        return f'{{"legacy_id":"L{n}","tier":"gold"}}', '{"tier":"gold"}'
    if roll < 0.98:
        return None, f'{{"owner":"team-{n % 5}"}}'
    return f"free text {n}", f"other text {n}"
