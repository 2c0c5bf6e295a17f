"""Records and live values become a plan; the digest stands for what will be written."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plan_rows import ROWS, SOURCE, URL, Rows, plan_of
from reconciler.manifests.discovery import Tree
from reconciler.manifests.loader import load
from reconciler.model import (
    Action,
    Address,
    Change,
    Current,
    Origin,
    Record,
    Side,
    Source,
    Unreadable,
)
from reconciler.planning.builder import PlanBuilder
from reconciler.planning.compare import PlanRequest, ThreeWay, compare
from reconciler.planning.digest import digest
from writing import sid


@given(ROWS)
def test_a_plan_holds_each_record_that_differs_and_no_other(rows: Rows) -> None:
    plan = plan_of(rows)

    assert {(c.address.kind, c.address.sid): (c.before, c.after) for c in plan.changes} == {
        (kind, sid(number)): (live, wanted)
        for (kind, number), (live, wanted) in rows.items()
        if live != wanted
    }
    assert plan.managed == len(rows)
    assert plan.applyable == any(live != wanted for live, wanted in rows.values())


@given(ROWS)
def test_after_what_a_plan_writes_the_next_plan_is_empty(rows: Rows) -> None:
    written = {key: (wanted, wanted) for key, (_, wanted) in rows.items()}

    assert plan_of(written).changes == ()


@given(ROWS, st.integers())
def test_neither_order_nor_place_goes_into_the_digest(rows: Rows, seed: int) -> None:
    elsewhere = Source("another.yaml", 7, 3)

    assert plan_of(rows).digest == plan_of(rows, source=elsewhere, seed=seed).digest
    assert list(plan_of(rows).changes) == sorted(plan_of(rows).changes, key=lambda c: c.address)


@given(ROWS.filter(lambda rows: any(a != b for a, b in rows.values())), st.data())
def test_every_part_of_a_write_goes_into_the_digest(rows: Rows, data: st.DataObject) -> None:
    changes = plan_of(rows).changes
    index = data.draw(st.integers(0, len(changes) - 1))
    change = changes[index]
    other_kind = {"messages": "message_drs", "message_drs": "messages"}[change.address.kind]
    variants = [
        Change(Address(other_kind, change.address.sid), *rest(change)),
        Change(Address(change.address.kind, sid(1000)), *rest(change)),
        Change(change.address, change.origin, f"{change.before}x", change.after, SOURCE),
        Change(change.address, change.origin, change.before, f"{change.after}x", SOURCE),
    ]

    digests = {
        digest(URL, (*changes[:index], variant, *changes[index + 1 :])) for variant in variants
    }
    digests |= {digest(URL, changes), digest(f"{URL}x", changes), digest(URL, changes[1:])}

    assert len(digests) == len(variants) + 3


STYLES: st.SearchStrategy[Callable[[Any], str]] = st.sampled_from(
    [
        json.dumps,
        lambda value: json.dumps(value, indent=1).replace("\n", "\n      "),
        lambda value: json.dumps(value, sort_keys=True) + " # why",
    ]
)


@given(
    st.dictionaries(
        st.integers(0, 30),
        st.one_of(
            st.sampled_from(["a", "no", "12:30", ""]),
            st.dictionaries(st.sampled_from(["a", "b", "é"]), st.integers(0, 9) | st.booleans()),
        ),
        min_size=1,
        max_size=8,
    ),
    st.data(),
)
def test_neither_files_nor_style_nor_comments_go_into_the_digest(
    values: dict[int, Any], data: st.DataObject
) -> None:
    def written(count: int) -> str:
        """The digest for the values, written in some style into so many files."""
        with TemporaryDirectory() as folder:
            texts = dict.fromkeys(range(count), "# c\nmessages:\n")
            for number in data.draw(st.permutations(sorted(values))):
                name = data.draw(st.sampled_from([sid(number), sid(number).upper()]))
                style = data.draw(STYLES)(values[number])
                file = data.draw(st.integers(0, count - 1))
                texts[file] += f"  {name}: # d\n    user_data: {style}\n"
            for number, text in texts.items():
                if text.count("\n") > 2:
                    Path(folder, f"{number}.yaml").write_text(text, "utf-8")
            records = load(Tree(Path(folder)), ["."]).records
        draft = PlanBuilder(URL, PlanRequest(records))
        for address in records:
            draft.add(address, Current("live"))
        return draft.plan().digest

    assert written(1) == written(data.draw(st.integers(1, 4)))


def rest(change: Change) -> tuple[Origin, str | None, str | None, Source]:
    return change.origin, change.before, change.after, change.source


def test_the_digest_is_the_documented_one() -> None:
    change = Change(Address("messages", sid(1)), Origin.CHANGE, None, 'é"', SOURCE)
    import hashlib

    text = f'["{URL}",[["messages","{sid(1)}",null,"é\\""]]]'
    assert digest(URL, [change]) == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_an_action_says_what_happens_to_the_field() -> None:
    cases = {
        (None, "a"): Action.SET,
        ("", "a"): Action.SET,
        (None, ""): Action.SET,
        ("a", "b"): Action.CHANGE,
        ("a", None): Action.CLEAR,
        ("a", ""): Action.CLEAR,
        ("", None): Action.CLEAR,
    }

    for (before, after), action in cases.items():
        change = compare(
            ThreeWay(Record(Address("messages", sid(1)), after, False, SOURCE), before)
        )
        assert isinstance(change, Change)
        assert change.action is action, (before, after)


def test_what_could_not_be_read_is_counted_and_makes_the_plan_incomplete() -> None:
    address = Address("messages", sid(1))
    draft = PlanBuilder(URL, PlanRequest({address: Record(address, "x", False, SOURCE)}))
    draft.add(address, Unreadable(address, SOURCE, 404, "cannot find item by sid"))

    plan = draft.plan()

    assert (plan.complete, plan.applyable, plan.managed, plan.in_sync) == (False, False, 1, 0)


def test_a_record_that_keeps_its_live_value_by_choice_is_left_alone_and_not_in_sync() -> None:
    address = Address("messages", sid(1))
    record, base = (Record(address, text, False, SOURCE) for text in ("ours", "was"))
    in_sync: list[Address] = []

    def left_alone(live: str) -> tuple[int, int]:
        request = PlanRequest(
            {address: record},
            base_of=lambda _: base,
            choices={address: Side.LIVE},
            on_in_sync=lambda one, _: in_sync.append(one),
        )
        draft = PlanBuilder(URL, request)
        draft.add(address, Current(live))
        plan = draft.plan()
        return plan.left_alone, plan.in_sync

    assert left_alone("theirs") == (1, 0)
    assert in_sync == []
    assert left_alone("ours") == (0, 1)
    assert in_sync == [address]


def test_a_path_inside_a_secret_is_cut_where_the_secret_begins() -> None:
    address = Address("messages", sid(1))
    wanted, base = (
        Record(address, json.dumps({"pin": {"code": n}, "x": n}), True, SOURCE) for n in (2, 1)
    )
    request = PlanRequest(
        {address: wanted}, base_of=lambda _: base, sensitive_in=lambda *_: ("/pin",)
    )
    draft = PlanBuilder(URL, request)
    draft.add(address, Current('{"pin":{"code":3},"x":3}'))

    (conflict,) = draft.plan().conflicts

    assert conflict.paths == ("/pin", "/x")
    assert conflict.sensitive == ("/pin",)
