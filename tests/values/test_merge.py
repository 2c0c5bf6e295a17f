"""Three mappings become one: git's keys from git, everybody else's as they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import Side
from reconciler.values.canonical import Number, canonical
from reconciler.values.merge import loses, overlay, three_way
from strategies import MEMBERS, holds, leaves


@given(MEMBERS, MEMBERS, MEMBERS)
def test_a_key_that_git_never_held_is_never_dropped(
    base: dict[str, Any], wanted: dict[str, Any], live: dict[str, Any]
) -> None:
    others = {
        (path, value)
        for path, value in leaves(live)
        if not holds(base, path) and not holds(wanted, path)
    }

    assert others <= set(leaves(overlay(base, wanted, live)))
    assert others <= set(leaves(three_way(base, wanted, live)[0]))


@given(MEMBERS, MEMBERS, MEMBERS)
def test_an_overlay_holds_all_that_git_wants_and_writing_it_twice_changes_nothing(
    base: dict[str, Any], wanted: dict[str, Any], live: dict[str, Any]
) -> None:
    result = overlay(base, wanted, live)

    assert set(leaves(wanted)) <= set(leaves(result))
    assert overlay(base, wanted, result) == result
    # What is removed in git is removed live.
    gone = {path for path, _ in leaves(base) if not holds(wanted, path)}
    assert not gone & {path for path, _ in leaves(result)}


@given(MEMBERS, MEMBERS, MEMBERS, st.sampled_from([None, *Side]))
def test_what_one_side_alone_changed_is_as_that_side_has_it(
    base: dict[str, Any], wanted: dict[str, Any], live: dict[str, Any], choice: Side | None
) -> None:
    assert three_way(base, wanted, base, choice) == (wanted, ())
    assert three_way(base, base, live, choice) == (live, ())
    assert three_way(base, wanted, wanted, choice) == (wanted, ())


@given(MEMBERS, MEMBERS, MEMBERS)
def test_merging_is_the_same_from_both_sides_and_settles_at_once(
    base: dict[str, Any], wanted: dict[str, Any], live: dict[str, Any]
) -> None:
    for ours, theirs in ((Side.GIT, Side.LIVE), (Side.LIVE, Side.GIT)):
        result, conflicts = three_way(base, wanted, live, ours)
        mirrored, same_conflicts = three_way(base, live, wanted, theirs)
        assert (canonical(result), conflicts) == (canonical(mirrored), same_conflicts)

    merged, conflicts = three_way(base, wanted, live)
    if not conflicts:
        again, none = three_way(base, wanted, merged)
        assert (canonical(again), none) == (canonical(merged), ())


@pytest.mark.parametrize(
    ("base", "wanted", "live", "result", "conflicts"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "1", "z": "9"}, {"a": "2", "z": "9"}, ()),
        ({"a": "1"}, {"a": "2"}, {"a": "3"}, {"a": "3"}, (("a",),)),
        ({"a": "1"}, {}, {"a": "3"}, {"a": "3"}, (("a",),)),
        ({"a": "1"}, {"a": "2"}, {}, {}, (("a",),)),
        ({}, {"a": "2"}, {"a": "3"}, {"a": "3"}, (("a",),)),
        ({"o": {"a": "1"}}, {"o": {"a": "2"}}, {"o": {"a": "1", "b": "1"}},
         {"o": {"a": "2", "b": "1"}}, ()),
        ({"o": {"a": "1"}}, {"o": {"a": "2"}}, {"o": {"a": "3"}}, {"o": {"a": "3"}}, (("o", "a"),)),
        ({"o": {"a": "1"}}, {}, {"o": {"a": "1", "b": "1"}}, {"o": {"b": "1"}}, ()),
        ({"l": ["1"]}, {"l": ["1", "2"]}, {"l": ["0", "1"]}, {"l": ["0", "1"]}, (("l",),)),
        ({"a": Number("1")}, {"a": True}, {"a": Number("1")}, {"a": True}, ()),
    ],
)  # fmt: skip
def test_keys_are_merged_one_by_one(
    base: dict[str, Any],
    wanted: dict[str, Any],
    live: dict[str, Any],
    result: dict[str, Any],
    conflicts: tuple[tuple[str, ...], ...],
) -> None:
    assert three_way(base, wanted, live) == (result, conflicts)


@given(MEMBERS, MEMBERS)
def test_what_is_lost_is_what_is_there_no_more(
    live: dict[str, Any], wanted: dict[str, Any]
) -> None:
    result = overlay({}, wanted, live)

    if set(leaves(live)) - set(leaves(result)):
        assert loses(live, result)
    if canonical(result) == canonical(live):
        assert not loses(live, result)


@pytest.mark.parametrize(
    ("live", "result", "lost"),
    [
        ({"o": {"a": "1"}}, {}, True),
        ({"o": {"a": "1"}}, {"o": {}}, True),
        ({"o": {}}, {}, True),
        ({"a": Number("1")}, {"a": "1"}, True),
        ({"a": True}, {"a": Number("1")}, True),
        ({"a": "1"}, {"a": "1", "b": "2"}, False),
        ({"o": {"a": "1"}}, {"o": {"a": "1", "b": "2"}}, False),
    ],
)
def test_a_mapping_that_goes_and_a_number_that_becomes_text_are_losses(
    live: dict[str, Any], result: dict[str, Any], *, lost: bool
) -> None:
    assert loses(live, result) is lost
