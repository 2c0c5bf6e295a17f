"""The places where two values differ."""

import json

import pytest
from hypothesis import assume, given

from reconciler.diff import places
from reconciler.value import parse
from test_value import STRUCTURES


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
        ('{"a/b~c":1}', '{"a/b~c":2}', [("replace", "/a~1b~0c", "1", "2")]),
        ("[1,2,3]", "[1,2]", [("remove", "/2", "3", None)]),
        ("[1,2]", "[1,2,3]", [("add", "/2", None, "3")]),
        ("[1,2,3]", "[1,3,4]", [("replace", "/1", "2", "3"), ("replace", "/2", "3", "4")]),
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
    found = [(place.op, place.path, place.before, place.after) for place in places(before, after)]
    assert found == expected


@given(STRUCTURES, STRUCTURES)
def test_there_is_a_place_whenever_two_values_differ(a: object, b: object) -> None:
    before, after = json.dumps(a, sort_keys=True), json.dumps(b, sort_keys=True)

    assume(before != after)

    found = places(before, after)

    assert found
    for place in found:
        for fragment in (place.before, place.after):
            assert fragment is None or parse(fragment) is not NotImplemented
        assert place.before != place.after


def test_a_long_list_is_compared_item_by_item_and_not_for_ever() -> None:
    before = json.dumps(["a"] * 20_000 + ["b"])
    after = json.dumps(["b"] + ["a"] * 20_000)

    assert [place.path for place in places(before, after)] == ["/0", "/20000"]
