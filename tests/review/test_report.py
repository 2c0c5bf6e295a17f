"""What every format tells: groups, counts, shares."""

import copy
import json
import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from planned import SOURCE, URL, approval, large, long_plan, mixed
from reconciler.model import Address, Change, Meta, Origin, Plan, Source
from reconciler.planning.digest import digest
from reconciler.review.codeowners import Owners
from reconciler.review.grouping import MIN_GROUP_SIZE, Effect, key_changes
from reconciler.review.grouping import effect as effect_of
from reconciler.review.html.page import html_page
from reconciler.review.markdown import comment
from reconciler.review.markdown.detail_levels import CommentContext
from reconciler.review.report import NO_OWNER, make_report
from reconciler.values.diff import differences
from reconciler.values.masking import Mask
from writing import sid

KEYS = st.sampled_from(["a", "b", "c"])
HELD = st.sampled_from(["1", "2", "", None, {"m": 1}, {}, ["i"], []])
VALUES = st.dictionaries(KEYS, HELD, max_size=3).map(json.dumps)
TEXTS = st.none() | st.sampled_from(["x", "y"]) | VALUES


def plan_of(rows: list[tuple[str | None, str | None]]) -> Plan:
    changes = tuple(
        Change(
            Address("messages", sid(n)),
            Origin.DRIFT if n % 3 == 0 else Origin.CHANGE,
            before,
            after,
            Source(f"m/{n % 2}.yaml", n + 1, 1),
        )
        for n, (before, after) in enumerate(rows)
        if before != after
    )
    return Plan(URL, digest(URL, changes), changes, 0)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=60))
def test_every_count_adds_up_whatever_the_plan(rows: list[tuple[str | None, str | None]]) -> None:
    plan = plan_of(rows)
    report = make_report(plan, Owners(["m/0.yaml @zero"]))

    total = len(plan.changes)
    members = [change for group in report.groups for change, _ in group.members]
    assert sorted(change.address for change in members) == [one.address for one in plan.changes]
    assert sum(report.effects.values()) == report.summary.changes == total
    assert sum(share.records for share in report.files) == total
    assert sum(share.records for share in report.owners) == total
    assert {share.name for share in report.owners} <= {"@zero", NO_OWNER}
    assert len(list(report.removals())) == report.effects[Effect.REMOVES]
    assert sum(report.ops.values()) == sum(
        key.adds + key.changes + key.removes for key in report.keys
    )
    named = [group.number for group in (*report.similar_groups, *report.outliers)]
    assert named == list(range(1, len(report.groups) + 1))
    assert len({group.digest for group in report.groups}) == len(report.groups)
    assert (
        sum(group.count for group in report.similar_groups)
        + sum(group.count for group in report.outliers)
        == total
    )


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=60))
def test_changes_of_a_group_have_the_same_shape_and_those_of_a_variant_the_same_values(
    rows: list[tuple[str | None, str | None]],
) -> None:
    for group in make_report(plan_of(rows)).groups:
        assert len({(change.action, change.origin) for change, _ in group.members}) == 1
        ways = {tuple((place.op, place.pointer) for place in found) for _, found in group.members}
        assert len(ways) == 1
        assert group.exact or group.count >= MIN_GROUP_SIZE
        for one in group.variants:
            for change in one.changes:
                assert differences(change.before, change.after) == one.differences
            assert list(one.changes) == sorted(one.changes, key=lambda change: change.address)


def test_what_loses_something_stands_first_then_the_largest() -> None:
    report = make_report(long_plan())
    effects = [group.effect is Effect.REMOVES for group in report.groups]

    assert effects == sorted(effects, reverse=True)
    sizes = [group.count for group in report.groups if group.effect is not Effect.REMOVES]
    assert sizes == sorted(sizes, reverse=True)
    # Of what loses something, what is like no other: many that lose the same are more often meant.
    lost = [group.outlier for group in report.groups if group.effect is Effect.REMOVES]
    assert lost == sorted(lost, reverse=True)
    assert len(set(lost)) == 2


def test_a_group_keeps_its_digest_when_its_number_and_its_records_change() -> None:
    def digests(plan: Plan) -> set[str]:
        return {group.digest for group in make_report(plan).groups if group.exact}

    rows: list[tuple[str | None, str | None]] = [('{"a":"1"}', '{"a":"2"}')] * 5
    assert digests(plan_of(rows)) & digests(plan_of([("x", None), *rows, *rows]))


def test_a_big_group_does_not_hide_those_that_are_nearly_like_it() -> None:
    rows: list[tuple[str | None, str | None]] = [('{"a":"1"}', '{"a":"2"}')] * 30
    odd = [(f'{{"a":"{n}"}}', '{"a":"2"}') for n in range(100, 110)]

    groups = make_report(plan_of([*rows, *odd])).groups
    sizes = Counter(group.exact for group in groups)

    assert sizes == {True: 2, False: 2}  # of each origin one of those alike, one of the others
    varied = next(group for group in groups if not group.exact)
    (difference,) = key_changes(varied)
    assert difference.values == varied.count


def test_the_share_is_of_all_records_of_the_manifests_and_never_a_false_zero() -> None:
    assert make_report(approval()).per_cent == 0.06
    assert make_report(large(1)).scope_records == 3
    assert make_report(mixed()).per_cent == 69.23
    assert make_report(Plan(URL, "", large(20_000).changes, 1)).per_cent == 99.99
    assert make_report(Plan(URL, "", large(20).changes, 0)).per_cent == 100
    one_of_many = plan_of([("x", "y")])
    assert make_report(Plan(URL, "", one_of_many.changes, 10_000_000)).per_cent == 0.01


def test_a_file_with_several_owners_counts_for_each() -> None:
    report = make_report(large(50), Owners(["* @one @two"]))

    assert [(share.name, share.records) for share in report.owners] == [("@one", 50), ("@two", 50)]


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ('{"a":"1"}', "{}", Effect.REMOVES),
        ('{"a":{"b":1}}', '{"a":null}', Effect.REMOVES),
        ('{"a":5}', '{"a":null}', Effect.REMOVES),
        ('{"a":[1]}', '{"a":[]}', Effect.REMOVES),
        ('{"a":1}', "text", Effect.REMOVES),
        ('{"a":1}', "[]", Effect.REMOVES),
        ("text", None, Effect.REMOVES),
        ("text", "", Effect.REMOVES),
        ("text", "other", Effect.CHANGES),
        ("text", "{}", Effect.REMOVES),
        ("[]", "text", Effect.CHANGES),
        ("text", '{"a":1}', Effect.CHANGES),
        ('{"a":{}}', '{"a":1}', Effect.CHANGES),
        ('{"a":{"b":1}}', '{"a":{"b":2}}', Effect.CHANGES),
        ('{"a":{"b":1,"c":2}}', '{"a":["z"]}', Effect.REMOVES),
        ('{"a":1,"b":2}', '["z"]', Effect.REMOVES),
        ('["a","b"]', '{"x":1}', Effect.REMOVES),
        ('{"a":"precious"}', '{"a":""}', Effect.REMOVES),
        ('{"a":""}', '{"a":null}', Effect.CHANGES),
        ('["a"]', '["b"]', Effect.CHANGES),
        ('["a","b"]', '["a"]', Effect.REMOVES),
        ('{"a":1}', '{"a":1,"b":2}', Effect.ADDS),
        ("", "text", Effect.ADDS),
        (None, '{"a":1}', Effect.ADDS),
    ],
)
def test_what_is_gone_is_a_loss_however_it_went(
    before: str | None, after: str | None, effect: Effect
) -> None:
    (group,) = make_report(plan_of([(before, after)])).groups

    assert group.effect is effect


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ('{"s":"x"}', '{"s":null}', Effect.REMOVES),
        ('{"s":{"a":1,"b":2}}', '{"s":{"a":1}}', Effect.REMOVES),
        ('{"s":{"a":1}}', '{"s":{"a":1,"b":2}}', Effect.CHANGES),
        ('{"l":[{"s":"x"}]}', '{"l":[{"s":""}]}', Effect.REMOVES),
        ('{"s":"x"}', '{"s":"y"}', Effect.CHANGES),
    ],
)
def test_what_is_not_shown_is_a_loss_all_the_same(before: str, after: str, effect: Effect) -> None:
    change = Change(Address("messages", sid(1)), Origin.CHANGE, before, after, SOURCE)
    hidden = structs.replace(change, sensitive=("/s", "/l/0/s"))
    plan = Plan(URL, digest(URL, (hidden,)), (hidden,), 0, meta=Meta("", "", "key"))

    assert make_report(plan).groups[0].effect is effect


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=60))
def test_no_loss_hides_among_those_that_lose_nothing(
    rows: list[tuple[str | None, str | None]],
) -> None:
    report = make_report(plan_of(rows))

    for group in report.groups:
        for change, found in group.members:
            assert effect_of(change, found) is group.effect
    lost = [change.address for change, _ in report.removals()]
    assert sorted(lost) == [
        change.address
        for change, found in report.members
        if effect_of(change, found) is Effect.REMOVES
    ]


def test_what_loses_something_counts_a_loss_beside_it() -> None:
    rows: list[tuple[str | None, str | None]] = [('{"k":"1","z":{"a":1}}', '{"k":"","z":"1"}')] * 6

    report = make_report(plan_of(rows))

    assert report.ops == {"add": 0, "replace": 0, "remove": 12}
    assert [(key.changes, key.removes) for key in report.keys] == [(0, 6), (0, 6)]


def test_what_hides_a_value_cannot_be_written_anywhere() -> None:
    masked = Mask(("",), b"key").whole("SECRET")

    for write_out in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write_out(masked)
    assert "SECRET" not in f"{masked} {masked!r}"


def test_a_loss_is_not_passed_over_for_the_number_of_keys() -> None:
    many = json.dumps({**dict.fromkeys("abcdefgh", "o"), "zz": "LOST"})
    rows: list[tuple[str | None, str | None]] = [(many, json.dumps(dict.fromkeys("abcdefgh", "n")))]
    rows += [('{"a":"1"}', '{"a":"2"}')] * 60
    page = comment.comment(make_report(plan_of(rows)), CommentContext())

    assert '➖ `zz`: `"LOST"`' in page
    assert "and 3 more keys |" in page
    gone: list[tuple[str | None, str | None]]
    gone = [('{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}', '{"i":9,"j":1}')]
    page = comment.comment(make_report(plan_of([*gone, *rows[1:]])), CommentContext())
    assert "and 3 more keys, 2 of them lost |" in page


def test_a_record_that_loses_something_is_shown_with_all_that_is_done_to_it() -> None:
    rows: list[tuple[str | None, str | None]] = [('{"a":"1"}', '{"a":"2"}')] * 60
    plan = plan_of([*rows, ('{"tmp":1,"x":1}', '{"x":1,"admin":"EVIL"}')])

    for page in (
        comment.comment(make_report(plan), CommentContext()),
        "".join(html_page(make_report(plan))).partition('<script type="application/json"')[0],
    ):
        assert "admin" in page
        assert "EVIL" in page
