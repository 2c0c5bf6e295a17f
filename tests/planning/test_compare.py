"""The three-way table: git at the base, git now and the live record decide the origin."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import three_way_model
from conftest import SOAK
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
    mode=st.sampled_from(Mode),
    choice=st.sampled_from([None, *Side]),
)


def rows(three_way: ThreeWay) -> list[str]:
    """The rows of the README's table that a three_way meets; the table says when each one holds."""
    base, wanted, live = three_way.base, three_way.record, three_way.live
    in_sync = matches(wanted.wanted, live, structured=wanted.structured)
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
        kept = three_way.choice is Side.LIVE and row in ("drift", "adopt")
        assert row in ("in sync", "both") or kept
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
            three_way.mode,
            three_way.choice,
        )
        assert compare(written) is None


@given(CASES)
def test_without_a_base_no_live_value_is_taken_for_one_of_git(three_way: ThreeWay) -> None:
    found = compare(ThreeWay(three_way.record, three_way.live, mode=three_way.mode))

    assert not isinstance(found, Conflict)
    if found is not None and three_way.mode is Mode.REPLACE:
        assert found.origin is (Origin.ADOPT if three_way.live else Origin.CHANGE)


@given(CASES)
def test_merging_never_drops_a_key_that_git_never_held(three_way: ThreeWay) -> None:
    found = compare(
        ThreeWay(three_way.record, three_way.live, three_way.base, Mode.MERGE, three_way.choice)
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
    found = compare(ThreeWay(record(wanted), text, record(base), Mode.MERGE))

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
    found = compare(ThreeWay(record(wanted), live, None, Mode.MERGE))

    assert isinstance(found, Change)
    assert found.origin is origin


def test_a_merged_record_whose_own_keys_are_right_is_in_sync_whatever_others_hold() -> None:
    wanted = record({"a": "1"})
    for base in (None, wanted, record({"b": "1"})):
        assert compare(ThreeWay(wanted, '{"z": [1], "a": "1"}', base, Mode.MERGE)) is None


@pytest.mark.parametrize("mode", Mode)
def test_the_same_key_changed_by_both_is_a_conflict_that_a_choice_ends(mode: Mode) -> None:
    base, wanted, live = (
        record({"a": "1", "b": "1"}),
        record({"a": "2", "b": "1"}),
        ('{"a":"3","b":"4"}'),
    )

    found = compare(ThreeWay(wanted, live, base, mode))
    ours = compare(ThreeWay(wanted, live, base, mode, Side.GIT))
    theirs = compare(ThreeWay(wanted, live, base, mode, Side.LIVE))

    assert isinstance(found, Conflict)
    assert (found.paths, found.base, found.live) == (("/a",), base.wanted, live)
    assert isinstance(ours, Change)
    assert ours.after == '{"a":"2","b":"4"}'
    assert theirs is None


def reaches(members: object, path: tuple[str, ...]) -> bool:
    """Whether a path leads to a value, through mappings only."""
    for step in path:
        if not isinstance(members, dict) or step not in members:
            return False
        members = members[step]
    return True


@given(CASES)
def test_what_is_lost_of_a_merged_record_was_git_s_own_at_the_base(three_way: ThreeWay) -> None:
    """Unless the record is new in git: then the guard max_overwrites counts it."""
    found = compare(ThreeWay(three_way.record, three_way.live, three_way.base, Mode.MERGE))
    if not isinstance(found, Change) or three_way.base is None:
        return
    base, live = as_mapping(three_way.base.wanted), as_mapping(three_way.live)
    git = (three_way.record, three_way.base)
    if base is None or live is None or not all(one.structured or one.wanted is None for one in git):
        return

    after = as_mapping(found.after) or {}

    for path, _ in leaves(live):
        assert reaches(after, path) or reaches(dict(base), path), path


@pytest.mark.parametrize(
    ("base", "wanted", "live", "paths"),
    [
        ({"a": {"x": "1"}}, {"a": "off"}, {"a": {"x": "1", "t": "2"}}, ("/a",)),
        ({"a": "off"}, {"a": "off"}, {"a": {"t": "2"}}, ("/a",)),
        ({"a": {"b": {"x": "1"}}}, {"a": {"b": "off"}}, {"a": {"b": {"x": "1", "t": "2"}}},
         ("/a/b",)),
        ({"a": {"x": "1"}, "b": {}}, {"a": ["x"], "b": None}, {"a": {"x": "1", "t": "2"}, "b": {}},
         ("/a",)),
    ],
)  # fmt: skip
def test_a_mapping_with_keys_of_others_is_not_replaced_as_a_whole(
    base: object, wanted: object, live: object, paths: tuple[str, ...]
) -> None:
    text = canonical(parse(json.dumps(live)))
    sides = (record(wanted), text, record(base), Mode.MERGE)

    found = compare(ThreeWay(*sides))
    ours = compare(ThreeWay(*sides, Side.GIT))
    theirs = compare(ThreeWay(*sides, Side.LIVE))

    assert isinstance(found, Conflict)
    assert found.paths == paths
    assert isinstance(ours, Change)
    assert matches(canonical(parse(json.dumps(wanted))), ours.after, structured=True)
    kept = as_mapping(text if theirs is None else getattr(theirs, "after", ""))
    assert kept is not None
    others = [path for path, _ in leaves(as_mapping(text) or {}) if "t" in path]
    assert all(path in dict(leaves(kept)) for path in others)


def test_a_mapping_that_is_git_s_own_is_replaced_as_a_whole() -> None:
    found = compare(
        ThreeWay(
            record({"a": "off"}),
            '{"a":{"x":"1"},"z":1}',
            record({"a": {"x": "1"}}),
            Mode.MERGE,
        )
    )

    assert isinstance(found, Change)
    assert found.after == '{"a":"off","z":1}'


def test_two_texts_are_one_place() -> None:
    found = compare(ThreeWay(record("ours"), "theirs", record("was")))

    assert isinstance(found, Conflict)
    assert found.paths == ("",)


def test_of_two_texts_a_choice_takes_the_one_of_its_side() -> None:
    sides = (record("ours"), "theirs", record("was"), Mode.REPLACE)

    ours = compare(ThreeWay(*sides, Side.GIT))

    assert isinstance(ours, Change)
    assert (ours.before, ours.after, ours.origin) == ("theirs", "ours", Origin.BOTH)
    assert compare(ThreeWay(*sides, Side.LIVE)) is None


def test_another_layout_of_what_git_held_is_no_drift() -> None:
    found = compare(ThreeWay(record({"a": "2"}), '{ "a": "1" }', record({"a": "1"})))

    assert isinstance(found, Change)
    assert found.origin is Origin.CHANGE


def a_value(dice: random.Random, depth: int = 3) -> Any:
    """A value of few keys and texts, so that the three sides often agree in part."""
    if depth and dice.random() < 0.7:
        keys = [key for key in "abc" if dice.random() < 0.5]
        return {key: a_value(dice, depth - 1) for key in keys}
    return dice.choice(["s", "t", "", True, None, ["s"], ["s", {"a": "s"}]])


def a_side(dice: random.Random, like: Any) -> Any:
    """A side of a record: new, or the given one with some values changed, added or removed."""
    if isinstance(like, dict) and dice.random() < 0.8:
        kept = {key: a_side(dice, value) for key, value in like.items() if dice.random() < 0.85}
        added = {key: a_value(dice, 2) for key in "abc" if dice.random() < 0.15}
        return added | kept
    if dice.random() < 0.6:
        return like
    return a_value(dice)


def is_structure(value: Any) -> bool:
    return isinstance(value, dict | list)


def in_a_manifest(value: Any) -> Any:
    """user_data is null, a text, a mapping or a list."""
    return value if value is None or isinstance(value, str | dict | list) else str(value)


@pytest.mark.slow
def test_for_every_three_sides_the_plain_model_says_the_same() -> None:
    """Written from the documentation; `make soak` compares two million of them."""
    dice = random.Random(None if SOAK else 0)
    rows: Counter[str] = Counter()
    for _ in range(2_000_000 if SOAK else 20_000):
        first = in_a_manifest(a_side(dice, a_value(dice)))
        git = in_a_manifest(a_side(dice, first))
        base = dice.choice([first, first, first, first, three_way_model.Missing.BASE])
        held = in_a_manifest(a_side(dice, dice.choice([first, git])))
        live = (
            json.dumps(held, indent=dice.choice([None, 1]))
            if isinstance(held, dict | list)
            else held
        )
        merges, choice = dice.random() < 0.5, dice.choice(["", "", "git", "live"])

        found = compare(
            ThreeWay(
                record(git),
                live,
                None if isinstance(base, three_way_model.Missing) else record(base),
                Mode.MERGE if merges else Mode.REPLACE,
                Side(choice) if choice else None,
            )
        )
        said, value = three_way_model.expected(base, git, live, merges=merges, choice=choice)

        case = (base, git, live, merges, choice)
        rows[said] += 1
        if found is None:
            assert said == "in sync", case
        elif isinstance(found, Conflict):
            pointers = ["".join(f"/{step}" for step in path) for path in value]
            assert (said, pointers) == ("conflict", list(found.paths)), case
        else:
            assert found.origin == said, case
            after = three_way_model.meaning(found.after)
            assert three_way_model.equal(after, value), (*case, found.after, value)

    assert (
        min(rows[name] for name in ("in sync", "change", "drift", "both", "adopt", "conflict"))
        > 200
    )
