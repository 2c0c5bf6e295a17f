"""What a person reads, whole, against golden files.

`UPDATE_GOLDEN=1 make test` writes them anew; the difference is then for a person to judge.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from reconciler.delta import compare
from reconciler.diff import places as differences
from reconciler.draft import Draft
from reconciler.grouping import groups
from reconciler.model import (
    Address,
    Change,
    Conflict,
    Current,
    Meta,
    Origin,
    Outcome,
    OutcomeName,
    Plan,
    Record,
    Released,
    Revisions,
    Scope,
    Source,
    Unreadable,
    Verdict,
)
from reconciler.plan import Wanted, digest
from reconciler.render import delta, places, text
from reconciler.render import outcomes as outcome_lines
from reconciler.render.paint import Paint
from writing import sid

GOLDEN = Path(__file__).parent.parent / "golden"
PLAIN = Paint(on=False)
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


def plan() -> Plan:
    """One record of every sort, hostile values among them."""
    records = {}
    live = {}
    for number, (before, after, structured) in enumerate(ROWS):
        address = Address(("messages", "message_drs")[number % 2], sid(number))
        source = Source(f"manifests/team-{number % 3}.yaml", number + 2, 3)
        records[address] = Record(address, after, structured, source)
        live[address] = Current(before)
    draft = Draft(URL, Wanted(records))
    for address, current in live.items():
        draft.add(address, current)
    source = Source("manifests/\x1b\u202e.yaml", 9, 3)
    for number, (status, reason) in enumerate(
        [(404, "cannot find item by sid"), (None, "no whole answer: timed out"), (403, "\x1b[2Jno")]
    ):
        address = Address("messages", sid(900 + number))
        draft.add(address, Unreadable(address, source, status, reason))
    return draft.plan()


def outcomes() -> list[Outcome]:
    """Every outcome there is."""
    details = {
        OutcomeName.STALE: "somebody changed it since the plan",
        OutcomeName.ALTERED: "the API stored 'trimmed\x1b[2J'",
        OutcomeName.MISSING: "404 cannot find item by sid",
        OutcomeName.UNKNOWN: "no whole answer: timed out; not there when read back",
    }
    return [
        Outcome(
            Change(Address("messages", sid(n)), Origin.CHANGE, "a", "b", Source("m.yaml", 1, 1)),
            name,
            details.get(name, ""),
        )
        for n, name in enumerate(OutcomeName)
    ]


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
        left=2,
        revisions=Revisions("1a2b3c4" + "0" * 33, "where this branch left origin/m\x1b[2Jain"),
        scope=Scope(5000, "5e6f7a8" + "0" * 33, ("a*",), ("b\x1b",), (Origin.CHANGE,)),
        guards=(
            Verdict("max_clears", 0, 1, ok=False, first=(str(address[1]),)),
            Verdict("max_change_percent", 30, 40.1, ok=True, allowed=41),
            Verdict("max_changes", 30, 3, ok=True),
        ),
        meta=Meta("0", "", "key"),
    )


SOURCE = Source("manifests/a.yaml", 2, 3)


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


CASES: dict[str, Callable[[], Iterable[str]]] = {
    "plan-80.txt": lambda: text.plan(plan(), PLAIN, 80),
    "plan-160.txt": lambda: text.plan(plan(), PLAIN, 160),
    "plan-colour.txt": lambda: text.plan(plan(), Paint(on=True), 100),
    "plan-approval.txt": lambda: text.plan(approval(), PLAIN, 80),
    "plan-long.txt": lambda: text.plan(long_plan(), PLAIN, 80),
    "plan-concise.txt": lambda: text.plan(long_plan(), PLAIN, 80, detail="concise"),
    "delta.txt": lambda: delta.text(compare(plan(), approval()), PLAIN),
    "plan-empty.txt": lambda: text.plan(Draft(URL, Wanted({})).plan(), PLAIN, 80),
    "outcomes.txt": lambda: outcome_lines.text(outcomes(), PLAIN),
    "outcomes-applied.txt": lambda: outcome_lines.text(outcomes()[:1] * 1, PLAIN),
}


@pytest.mark.parametrize("name", CASES)
def test_the_output_is_the_golden_one(name: str) -> None:
    shown = "".join(f"{line}\n" for line in CASES[name]())
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown, "utf-8")

    assert shown == golden.read_text("utf-8")


def test_without_colour_there_is_no_escape_of_a_terminal() -> None:
    for name, shown in CASES.items():
        if "colour" not in name:
            assert "\x1b" not in "".join(shown())


def test_no_line_of_short_values_is_wider_than_the_terminal() -> None:
    assert max(map(len, text.plan(plan(), PLAIN, 80))) <= 80


def test_a_verbose_plan_shows_every_change_and_a_short_one_does_so_anyway() -> None:
    verbose = "".join(text.plan(long_plan(), PLAIN, 80, detail="verbose"))

    assert all(str(change.address) in verbose for change in long_plan().changes)
    assert list(text.plan(plan(), PLAIN, 80)) == list(
        text.plan(plan(), PLAIN, 80, detail="verbose")
    )


def test_every_change_is_in_just_one_group_with_those_that_are_alike() -> None:
    found = groups(long_plan())

    assert sorted(change.address for group in found for change, _ in group.members) == [
        change.address for change in long_plan().changes
    ]
    for group in found:
        assert len({(change.action, change.origin) for change, _ in group.members}) == 1


def test_a_number_beside_a_text_of_several_lines_stays_a_number() -> None:
    after = '{"k":"' + "long " * 20 + '\\nline"}'
    shown = [
        "".join(places.lines(differences(before, after), PLAIN, 80))
        for before in ('{"k":1}', '{"k":"1"}')
    ]

    assert shown[0] != shown[1]
    assert "- 1" in shown[0]
