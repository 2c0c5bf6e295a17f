"""The three-way table: git at the base, git now and the live record decide the origin."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import Address, Change, Conflict, Mode, Origin, Record, Side, Source
from reconciler.planning.compare import ThreeWay, compare
from reconciler.values.canonical import as_mapping, canonical, matches, parse
from strategies import MEMBERS, holds, leaves
from writing import sid

ADDRESS = Address("messages", sid(1))
SOURCE = Source("m.yaml", 1, 1)


def record(value: object) -> Record:
    """A record whose manifest holds the value: text, a mapping or a list, null."""
    structured = isinstance(value, dict | list)
    text = canonical(parse(json.dumps(value))) if structured else value
    assert text is None or isinstance(text, str)
    return Record(ADDRESS, text, structured, SOURCE)


VALUES = (
    st.none()
    | st.sampled_from(["", "a", "b"])
    | MEMBERS.map(lambda members: json.loads(canonical(members)))
)
RECORDS = VALUES.map(record)
LIVE = st.none() | st.sampled_from(["", "a", "b", "[1]"]) | MEMBERS.map(canonical)
CASES = st.builds(
    ThreeWay,
    record=RECORDS,
    live=LIVE,
    base=st.none() | RECORDS,
    has_base=st.booleans(),
    mode=st.sampled_from(Mode),
    choice=st.sampled_from([None, *Side]),
)


def rows(three_way: ThreeWay) -> list[str]:
    """The rows of the README's table that a three_way meets; the table says when each one holds."""
    base, wanted, live = three_way.base, three_way.record, three_way.live
    in_sync = matches(wanted.wanted, live, structured=wanted.structured)
    if not three_way.has_base:
        return ["in sync"] if in_sync else ["change"]
    if base is None:
        meets = {"in sync": in_sync, "change": not in_sync and not live}
        meets["adopt"] = not in_sync and bool(live)
    else:
        as_before = matches(base.wanted, live, structured=base.structured)
        unmoved = matches(wanted.wanted, base.wanted, structured=wanted.structured)
        meets = {
            "in sync": in_sync,
            "change": not in_sync and as_before,
            "drift": not in_sync and not as_before and unmoved,
            "both": not in_sync and not as_before and not unmoved,
        }
    return [row for row, met in meets.items() if met]


@given(CASES)
def test_every_case_lands_in_exactly_one_row_of_the_table(three_way: ThreeWay) -> None:
    (row,) = rows(three_way)
    found = compare(three_way)

    if three_way.mode is Mode.MERGE:
        return  # what git owns there is told below
    if isinstance(found, Conflict):
        assert row == "both"
        assert three_way.choice is None
    elif found is None:
        # Both sides may have made the same of it, or the choice is to leave it.
        assert row in ("in sync", "both")
    else:
        assert found.origin == row
        assert found.before == three_way.live


@given(CASES)
def test_what_a_plan_writes_is_in_sync_afterwards(three_way: ThreeWay) -> None:
    found = compare(three_way)

    if isinstance(found, Change):
        written = ThreeWay(
            three_way.record,
            found.after,
            three_way.base,
            three_way.has_base,
            three_way.mode,
            three_way.choice,
        )
        assert compare(written) is None


@given(CASES)
def test_without_a_base_git_alone_decides(three_way: ThreeWay) -> None:
    alone = ThreeWay(three_way.record, three_way.live, mode=three_way.mode)
    found = compare(alone)

    assert not isinstance(found, Conflict)
    assert found is None or found.origin is Origin.CHANGE


@given(CASES)
def test_merging_never_drops_a_key_that_git_never_held(three_way: ThreeWay) -> None:
    found = compare(
        ThreeWay(
            three_way.record, three_way.live, three_way.base, True, Mode.MERGE, three_way.choice
        )
    )
    wanted, live = as_mapping(three_way.record.wanted), as_mapping(three_way.live)
    base = {} if three_way.base is None else as_mapping(three_way.base.wanted)
    git = (three_way.record, three_way.base or three_way.record)
    mappings = all(side.structured or side.wanted is None for side in git)
    if not isinstance(found, Change) or base is None or wanted is None or live is None:
        return
    if mappings:
        after = dict(leaves(as_mapping(found.after) or {}))
        for path, value in leaves(live):
            if not holds(base, path) and not holds(wanted, path):
                assert after[path] == value


@pytest.mark.parametrize(
    ("base", "wanted", "live", "origin", "after"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "1", "z": "9"}, Origin.CHANGE, {"a": "2", "z": "9"}),
        ({"a": "1"}, {"a": "1"}, {"a": "3", "z": "9"}, Origin.DRIFT, {"a": "1", "z": "9"}),
        ({"a": "1"}, {"a": "1"}, {"z": "9"}, Origin.DRIFT, {"a": "1", "z": "9"}),
        ({"a": "1", "b": "1"}, {"b": "1"}, {"a": "1", "b": "1", "z": "9"}, Origin.CHANGE,
         {"b": "1", "z": "9"}),
        ({"a": "1"}, None, {"a": "1", "z": "9"}, Origin.CHANGE, {"z": "9"}),
        ({"a": "1"}, None, {"a": "1"}, Origin.CHANGE, None),
        ({"a": "1", "b": "1"}, {"a": "2", "b": "1"}, {"a": "1", "b": "3"}, Origin.BOTH,
         {"a": "2", "b": "3"}),
    ],
)  # fmt: skip
def test_a_merged_record_keeps_the_keys_of_others(
    base: object, wanted: object, live: object, origin: Origin, after: object
) -> None:
    text = canonical(parse(json.dumps(live)))
    found = compare(ThreeWay(record(wanted), text, record(base), True, Mode.MERGE))

    assert isinstance(found, Change)
    assert found.origin is origin
    assert found.after == (None if after is None else canonical(parse(json.dumps(after))))


@pytest.mark.parametrize(
    ("wanted", "live", "origin"),
    [
        ({"a": "1"}, '{"z":"9"}', Origin.CHANGE),
        ({"a": "1"}, "", Origin.CHANGE),
        ({"a": "1"}, '{"a":"2"}', Origin.ADOPT),
        ({"o": {"a": "1"}}, '{"o":"text"}', Origin.ADOPT),
        ({"o": {"a": "1"}}, '{"o":{"b":"1"}}', Origin.CHANGE),
        ({"a": "1"}, "text", Origin.ADOPT),
    ],
)
def test_a_new_merged_record_overwrites_only_where_it_says_something_else(
    wanted: object, live: str, origin: Origin
) -> None:
    found = compare(ThreeWay(record(wanted), live, None, True, Mode.MERGE))

    assert isinstance(found, Change)
    assert found.origin is origin


def test_a_merged_record_whose_own_keys_are_right_is_in_sync_whatever_others_hold() -> None:
    wanted = record({"a": "1"})
    for base in (None, wanted, record({"b": "1"})):
        assert compare(ThreeWay(wanted, '{"z": [1], "a": "1"}', base, True, Mode.MERGE)) is None


@pytest.mark.parametrize("mode", Mode)
def test_the_same_key_changed_by_both_is_a_conflict_that_a_choice_ends(mode: Mode) -> None:
    base, wanted, live = (
        record({"a": "1", "b": "1"}),
        record({"a": "2", "b": "1"}),
        ('{"a":"3","b":"4"}'),
    )

    found = compare(ThreeWay(wanted, live, base, True, mode))
    ours = compare(ThreeWay(wanted, live, base, True, mode, Side.GIT))
    theirs = compare(ThreeWay(wanted, live, base, True, mode, Side.LIVE))

    assert isinstance(found, Conflict)
    assert (found.paths, found.base, found.live) == (("/a",), base.wanted, live)
    assert isinstance(ours, Change)
    assert ours.after == '{"a":"2","b":"4"}'
    assert theirs is None


def test_two_texts_are_one_place() -> None:
    found = compare(ThreeWay(record("ours"), "theirs", record("was"), True))

    assert isinstance(found, Conflict)
    assert found.paths == ("",)


def test_of_two_texts_a_choice_takes_the_one_of_its_side() -> None:
    sides = (record("ours"), "theirs", record("was"), True, Mode.REPLACE)

    ours = compare(ThreeWay(*sides, Side.GIT))

    assert isinstance(ours, Change)
    assert (ours.before, ours.after, ours.origin) == ("theirs", "ours", Origin.BOTH)
    assert compare(ThreeWay(*sides, Side.LIVE)) is None


def test_another_layout_of_what_git_held_is_no_drift() -> None:
    found = compare(ThreeWay(record({"a": "2"}), '{ "a": "1" }', record({"a": "1"}), True))

    assert isinstance(found, Change)
    assert found.origin is Origin.CHANGE
