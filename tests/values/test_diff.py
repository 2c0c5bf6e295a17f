"""The places where two values differ."""

import json
import os
import subprocess
import sys
from typing import Any, Literal

import pytest
from deepdiff import DeepDiff
from hypothesis import assume, given
from hypothesis import strategies as st

from conftest import REPOSITORY
from reconciler.values.canonical import canonical, parse
from reconciler.values.diff import Difference, differences, line_diff
from reconciler.values.json_pointer import KeyPath
from strategies import MEMBERS, STRUCTURES


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a", "b", [("replace", "", '"a"', '"b"')]),
        (None, "b", [("add", "", None, '"b"')]),
        ("a", None, [("remove", "", '"a"', None)]),
        ("a", '{"x":1}', [("replace", "", '"a"', '"{\\"x\\":1}"')]),
        (None, '{"x":1,"y":[2]}', [("add", "/x", None, "1"), ("add", "/y", None, "[2]")]),
        ('{"x":1}', None, [("remove", "/x", "1", None)]),
        ('{"x":1}', '{"x":2}', [("replace", "/x", "1", "2")]),
        ('{"x":1}', '{"x":true}', [("replace", "/x", "1", "true")]),
        ('{"x":[1]}', '{"x":[true]}', [("replace", "/x/0", "1", "true")]),
        ('{"x":1}', '{"x":"1"}', [("replace", "/x", "1", '"1"')]),
        ('{"x":1}', '{"x":1.0}', [("replace", "/x", "1", "1.0")]),
        ('{"__p":1}', '{"__p":2}', [("replace", "/__p", "1", "2")]),
        ('[{"__p":1}]', '[{"__p":2}]', [("replace", "/0/__p", "1", "2")]),
        ('{"a/b~c":1}', '{"a/b~c":2}', [("replace", "/a~1b~0c", "1", "2")]),
        ("[1,2,3]", "[1,2]", [("remove", "/2", "3", None)]),
        ("[1,2]", "[1,2,3]", [("add", "/2", None, "3")]),
        ("[1,2,3]", "[1,3,4]", [("remove", "/1", "2", None), ("add", "/2", None, "4")]),
        ("[1,2]", "[2,1]", [("add", "/0", None, "2"), ("remove", "/1", "2", None)]),
        (
            '[{"id":"a","n":1},{"id":"b","n":1}]',
            '[{"id":"c","n":1},{"id":"a","n":1},{"id":"b","n":2}]',
            [("add", "/0", None, '{"id":"c","n":1}'), ("replace", "/1/n", "1", "2")],
        ),
        (
            '[{"id":"a","n":1},"x"]',
            '[{"id":"b","n":1},"y"]',
            [
                ("remove", "/0", '{"id":"a","n":1}', None),
                ("add", "/0", None, '{"id":"b","n":1}'),
                ("replace", "/1", '"x"', '"y"'),
            ],
        ),
        ('{"x":[{"l":[1,2]}]}', '{"x":[{"l":[2]}]}', [("remove", "/x/0/l/0", "1", None)]),
        ('[["a"],["b"]]', '[["a"],["c"]]', [("replace", "/1/0", '"b"', '"c"')]),
        ('[{"a":1}]', "[[1]]", [("replace", "/0", '{"a":1}', "[1]")]),
        ('{"x":{"y":1}}', '{"x":[1]}', [("replace", "/x", '{"y":1}', "[1]")]),
        ('{"x":{}}', '{"y":{}}', [("remove", "/x", "{}", None), ("add", "/y", None, "{}")]),
        ('{"x": 1}', '{"x":1}', [("replace", "", '"{\\"x\\": 1}"', '"{\\"x\\":1}"')]),
        (
            '{"id":9007199254740993123}',
            '{"id":9007199254740993124}',
            [("replace", "/id", "9007199254740993123", "9007199254740993124")],
        ),
    ],
)
def test_each_difference_is_named_by_its_place(
    before: str | None, after: str | None, expected: list[tuple[object, ...]]
) -> None:
    found = [
        (place.op, place.pointer, shown(place, "before"), shown(place, "after"))
        for place in differences(before, after)
    ]
    assert found == expected


def shown(place: Difference, side: Literal["before", "after"]) -> str | None:
    """One side of a place as JSON, None where it has no such side."""
    if place.op == {"before": "add", "after": "remove"}[side]:
        return None
    return canonical(getattr(place, side))


@given(STRUCTURES, STRUCTURES)
def test_there_is_a_place_whenever_two_values_differ(a: object, b: object) -> None:
    before, after = json.dumps(a, sort_keys=True), json.dumps(b, sort_keys=True)

    assume(before != after)

    found = differences(before, after)

    assert found
    for place in found:
        assert shown(place, "before") != shown(place, "after")


@given(MEMBERS, MEMBERS)
def test_inside_mappings_deepdiff_would_have_found_the_same(
    a: dict[str, Any], b: dict[str, Any]
) -> None:
    """It is not asked there, being slow; that it is not missed either has to be shown."""

    def texts(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: texts(item) for key, item in value.items()}
        return canonical(value)

    before, after = canonical(a), canonical(b)
    tree = DeepDiff(texts(a), texts(b), view="tree", threshold_to_diff_deeper=0)
    theirs = {
        "".join(f"/{step}" for step in level.path(output_format="list"))
        for levels in tree.values()
        for level in levels
    }

    assert {place.pointer for place in differences(before, after) if place.pointer} == theirs


@given(STRUCTURES, STRUCTURES)
def test_the_places_lead_from_the_old_value_to_the_new_one(a: object, b: object) -> None:
    """What is not named as a difference is the same in both."""
    before, after = json.dumps(a, sort_keys=True), json.dumps(b, sort_keys=True)
    assume(type(a) is type(b))

    for place in differences(before, after):
        if place.op != "add" and place.path:
            assert canonical(at(parse(before), place.path)) == canonical(place.before)
        if (
            place.op == "add"
            and place.path
            and not any(isinstance(s, int) for s in place.path[:-1])
        ):
            assert canonical(at(parse(after), place.path)) == canonical(place.after)


def at(value: Any, path: KeyPath) -> Any:
    for step in path:
        value = value[step]
    return value


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_lines_that_stay_and_go_are_the_old_text_and_those_that_stay_and_come_the_new(
    old: list[str], new: list[str]
) -> None:
    rows = list(line_diff("\n".join(old), "\n".join(new)))

    assert "\n".join(line for sign, line in rows if sign != "+") == "\n".join(old)
    assert "\n".join(line for sign, line in rows if sign != "-") == "\n".join(new)


def test_a_long_list_is_compared_item_by_item_and_not_for_ever() -> None:
    before = json.dumps(["a"] * 20_000 + ["b"])
    after = json.dumps(["b"] + ["a"] * 20_000)

    assert [place.pointer for place in differences(before, after)] == ["/0", "/20000"]


def test_the_order_of_places_is_the_same_in_every_process() -> None:
    """A saved plan is compared byte by byte, by another process than the one that made it."""
    code = (
        "from reconciler.values.diff import differences\n"
        'old = \'[{"id":"a"},{"id":"b"},"x"]\'\n'
        'new = \'[{"id":"c"},{"id":"d"},"y"]\'\n'
        "print([(place.op, place.pointer) for place in differences(old, new)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
            cwd=REPOSITORY,
        ).stdout
        for seed in range(8)
    }

    assert len(outputs) == 1


def test_lines_that_repeat_do_not_hold_up_a_plan() -> None:
    """Matching them all would take minutes, and the suite would be stopped."""
    before = "\n".join("x" for _ in range(5_000))
    after = "\n".join("x" if n % 2 else f"y{n}" for n in range(5_000))

    rows = list(line_diff(before, after))

    assert "\n".join(line for sign, line in rows if sign != "+") == before
    assert "\n".join(line for sign, line in rows if sign != "-") == after
