"""When two texts of user_data are the same."""

import json

import pytest
from hypothesis import given

from reconciler.values.canonical import MAX_DEPTH, Number, canonical, matches, parse, structure
from strategies import STRUCTURES


@given(STRUCTURES)
def test_every_layout_of_a_structure_has_one_canonical_text(value: object) -> None:
    wide = json.dumps(value, indent=3)
    ascii_only = json.dumps(value, separators=(",", ":"))
    raw = json.dumps(value, ensure_ascii=False, sort_keys=True)

    assert canonical(parse(wide)) == canonical(parse(ascii_only)) == canonical(parse(raw))


@given(STRUCTURES, STRUCTURES)
def test_two_structures_have_one_text_only_if_json_writes_them_alike(a: object, b: object) -> None:
    written = [json.dumps(value, sort_keys=True) for value in (a, b)]

    assert (canonical(parse(written[0])) == canonical(parse(written[1]))) == (
        written[0] == written[1]
    )


def test_numbers_are_kept_as_they_were_written() -> None:
    text = "[1,1.0,1e0,0.010,12345678901234567890.123456789,-0]"

    assert canonical(parse(text)) == text


@pytest.mark.parametrize("other", ["[1.0]", "[true]", '["1"]', "[1e0]", "[[1]]"])
def test_values_that_python_takes_for_equal_are_different(other: str) -> None:
    assert not matches("[1]", other, structured=True)


def test_a_number_is_not_the_text_that_looks_like_it() -> None:
    assert canonical(Number("1")) != canonical("1")


@pytest.mark.parametrize(
    ("wanted", "live", "structured", "equal"),
    [
        ("a", "a", False, True),
        ("a", "a ", False, False),
        ("é", "e\u0301", False, False),
        ("", None, False, False),
        (None, None, False, True),
        ('{"a":1}', '{ "a": 1 }', False, False),  # the manifest holds a text
        ('{"a":1}', '{ "a": 1 }', True, True),
        ('{"a":1}', '{"a":1,"a":1}', True, False),
        ('{"a":1}', None, True, False),
        ('{"a":1}', "{", True, False),
    ],
)
def test_text_equals_text_and_structure_equals_structure(
    wanted: str | None,
    live: str | None,
    structured: bool,
    equal: bool,
) -> None:
    assert matches(wanted, live, structured=structured) is equal


@pytest.mark.parametrize(
    "text",
    [
        "1",
        '"x"',
        "null",
        "[1",
        "{'a': 1}",
        "[NaN]",
        "[Infinity]",
        '{"a":1,"a":2}',
        "[01]",
        " x[1]",
        '["\\ud800"]',
    ],
)
def test_what_is_no_mapping_or_list_is_only_a_text(text: str) -> None:
    assert structure(text) is None


def test_nesting_without_end_is_only_a_text() -> None:
    deep = MAX_DEPTH + 1

    assert structure("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    assert structure("[" * deep + "]" * deep) is None
    assert structure("[" * 100_000 + "]" * 100_000) is None
