"""A user's own schemas judge values, offline, once a value, without telling the value."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Run
from reconciler.errors import ProblemsError
from reconciler.manifests.loader import load
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.settings import load_settings
from reconciler.manifests.user_schemas.linear_validator import Meter
from reconciler.model import Problem, Record
from writing import MESSAGE, OTHER_MESSAGE, sid, tree, write

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["campaign"],
    "additionalProperties": False,
    "properties": {
        "campaign": {"enum": ["spring", "summer"]},
        "owner": {"$ref": "#/$defs/owner"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}},
    },
    "$defs": {"owner": {"type": "string", "pattern": "^team-"}},
}


def govern(schema: object, paths: str = "manifests/**") -> None:
    write(json.dumps(schema), "schemas/x.schema.json")
    write(
        f"rules:\n  - paths: [{json.dumps(paths)}]\n    user_data_schema: schemas/x.schema.json\n",
        "reconciler.yaml",
    )


def problems() -> list[Problem]:
    with pytest.raises(ProblemsError) as caught:
        load(tree(), ["manifests"], Rules(load_settings(tree()), tree()))
    return list(caught.value.problems)


def test_what_a_schema_has_against_a_value_is_said_at_its_place() -> None:
    govern(SCHEMA)
    write(
        f"messages:\n  {MESSAGE}:\n    user_data:\n      campaign: spring\n      owner: anna\n"
        "      tags: [ok, much too long]\n"
        f"  {OTHER_MESSAGE}:\n    user_data: {{camapign: spring}}\n"
    )

    found = [
        (str(p.source), p.message.removesuffix(" (schemas/x.schema.json)")) for p in problems()
    ]
    assert found == [
        ("manifests/a.yaml:5:14", '/owner: expected pattern "^team-"'),
        ("manifests/a.yaml:6:18", "/tags/1: expected maxLength 5"),
        (
            "manifests/a.yaml:8:16",
            "user_data: Additional properties are not allowed ('camapign' was unexpected)",
        ),
        ("manifests/a.yaml:8:16", "user_data: 'campaign' is a required property"),
    ]


@pytest.mark.parametrize("value", ["text", "null", "[1]"])
def test_a_schema_for_mappings_refuses_all_else(value: str) -> None:
    govern(SCHEMA)
    write(f"messages:\n  {MESSAGE}:\n    user_data: {value}\n")

    assert [problem.message for problem in problems()] == [
        'user_data: expected type "object" (schemas/x.schema.json)'
    ]


def test_a_value_is_never_quoted_in_a_message() -> None:
    govern({"properties": {"pin": {"type": "string", "maxLength": 3}}})
    write(f"messages:\n  {MESSAGE}:\n    user_data: {{pin: secret4711}}\n")

    assert "secret4711" not in str(problems())


def test_the_last_rule_that_matches_wins_and_others_are_left_alone() -> None:
    write('{"type": "string"}', "schemas/text.json")
    write('{"type": "object"}', "schemas/object.json")
    write(
        "rules:\n"
        "  - {paths: ['manifests/**'], user_data_schema: schemas/text.json}\n"
        "  - {paths: ['manifests/b/*', 'x'], user_data_schema: schemas/object.json}\n"
        "  - {paths: ['manifests/b/none*']}\n",
        "reconciler.yaml",
    )
    write(f"messages:\n  {sid(1)}: {{user_data: text}}\n", "manifests/a.yaml")
    write(f"messages:\n  {sid(2)}: {{user_data: {{a: 1}}}}\n", "manifests/b/c/d.yaml")

    assert len(load(tree(), ["manifests"], Rules(load_settings(tree()), tree())).records) == 2


def test_a_value_that_a_thousand_records_share_is_judged_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    govern(SCHEMA)
    rows = "".join(f"  {sid(n)}: {{user_data: {{campaign: spring}}}}\n" for n in range(1000))
    write(f"messages:\n{rows}")
    judged: list[Meter] = []

    def next_value(meter: Meter) -> None:
        judged.append(meter)

    monkeypatch.setattr(Meter, "next_value", next_value)
    rules = Rules(load_settings(tree()), tree())

    assert len(load(tree(), ["manifests"], rules).records) == 1000
    assert len(judged) == 1


@pytest.mark.parametrize(
    ("schema", "where", "says"),
    [
        ('{"type": "objct"}', "1:10", "is not a JSON Schema"),
        ("[1]", "1:1", "is not a JSON Schema"),
        ('{"$ref": "https://example.com/x"}', "1:10", "nothing is fetched"),
        ('{"$ref": "other.json"}', "1:10", "nothing is fetched"),
        ('{"$ref": "#/nowhere"}', "1:10", "nothing is fetched"),
        ('{"properties": {"a": {"pattern": "("}}}', "1:34", "is no"),
        ('{"$schema": "http://json-schema.org/draft-07/schema#"}', "1:13", "expected https"),
        ("{", "2:1", "did not find"),
        ("", "1:1", "holds no schema"),
        ('{"a": 1, "a": 2}', "1:10", "already defined"),
        ('{"patternProperties": {"(": {}}}', "1:29", "is not a regular expression"),
        ('{"$dynamicRef": "https://x"}', "1:17", "is not supported"),
        ('{"$anchor": "a"}', "1:13", "is not supported"),
        ('{"properties": {"a": {"$id": "x"}}}', "1:30", "is not supported"),
        ('{"$ref": "#nowhere"}', "1:10", "nothing is fetched"),
        ('{"$ref": "#/x", "x": {"properties": 5}}', "1:10", "nothing is fetched"),
        ('{"definitions": {"x": {"$ref": "https://a"}}}', "1:32", "nothing is fetched"),
        ('{"definitions": {"x": {"pattern": "("}}}', "1:35", "is not a regular expression"),
        ('{"$ref": "#/type/x", "type": "object"}', "1:10", "nothing is fetched"),
        ('{"$ref": "#/allOf/x", "allOf": [{}]}', "1:10", "nothing is fetched"),
        ("{}\n---\n{}", "1:1", "several documents"),
    ],
)
def test_a_schema_that_cannot_be_used_is_a_problem_at_its_place(
    run: Run, schema: str, where: str, says: str
) -> None:
    write(f"messages:\n  {MESSAGE}:\n    user_data: x\n")
    govern({})
    write(schema, "schemas/x.schema.json")

    result = run("validate")

    assert result.code == 1
    assert f"schemas/x.schema.json:{where}: error" in result.err
    assert says in result.err


def test_a_schema_that_refers_to_itself_without_end_is_a_problem(run: Run) -> None:
    write(f"messages:\n  {MESSAGE}:\n    user_data: x\n")
    govern({"$ref": "#"})

    assert "refers to itself without end" in run("validate").err


def test_a_schema_that_is_not_there_is_a_problem(run: Run) -> None:
    write(f"messages:\n  {MESSAGE}:\n    user_data: x\n")
    govern({})
    Path("schemas/x.schema.json").unlink()

    assert "schemas/x.schema.json:1:1: error: cannot be read" in run("validate").err


def test_write_only_marks_are_found_through_every_keyword() -> None:
    marked = {"writeOnly": True}
    govern(
        {
            "properties": {
                "plain": marked,
                "ref": {"$ref": "#/$defs/secret"},
                "all": {"allOf": [{"properties": {"x": marked}}]},
                "list": {"items": {"properties": {"pin": marked}}},
                "pair": {"prefixItems": [{}, marked]},
                "any": {"anyOf": [{"oneOf": [{"then": marked}]}]},
                "children": {"items": {"$ref": "#"}},
                "open": {"type": "string"},
            },
            "patternProperties": {"^x-": marked},
            "additionalProperties": {"properties": {"deep": marked}},
            "$defs": {"secret": marked},
        }
    )
    value = {
        "plain": 1,
        "ref": 1,
        "all": {"x": 1, "y": 1},
        "list": [{"pin": 1}, {"z": 1}],
        "pair": [1, 2],
        "any": 1,
        "open": "x",
        "x-y": 1,
        "other": {"deep": 1, "z": 1},
        "children": [{"children": [{"plain": 1}]}],
    }
    write(json.dumps({"messages": {MESSAGE: {"user_data": value}}}), "manifests/a.json")
    rules = Rules(load_settings(tree()), tree())
    (record,) = load(tree(), ["manifests"]).records.values()

    assert set(rules.sensitive(record, record.wanted) or ()) == {
        "/plain",
        "/ref",
        "/all/x",
        "/list/0/pin",
        "/pair/1",
        "/any",
        "/x-y",
        "/other/deep",
        "/children/0/children/0/plain",
    }
    elsewhere = Record(record.address, None, False, record.source.__class__("other.yaml", 1, 1))
    assert rules.sensitive(elsewhere, record.wanted) is None


def test_schemas_that_refer_to_each_other_take_no_time() -> None:
    names = [f"d{n}" for n in range(12)]
    refs = {name: {"$ref": f"#/$defs/{name}"} for name in names}
    govern(
        {
            "$defs": {name: {"properties": refs} for name in names} | {"x": {"writeOnly": True}},
            "properties": refs,
        }
    )
    write(f"messages:\n  {MESSAGE}:\n    user_data: {{d1: {{d2: {{d3: x}}}}}}\n")
    (record,) = load(tree(), ["manifests"]).records.values()

    assert Rules(load_settings(tree()), tree()).sensitive(record, record.wanted) == ()


@pytest.mark.parametrize(
    "spelled", ["manifests", "./manifests", "manifests/../manifests", "{}/manifests"]
)
def test_a_schema_governs_a_file_however_it_is_named(run: Run, folder: Path, spelled: str) -> None:
    govern({"type": "object"})
    write(f"messages:\n  {MESSAGE}:\n    user_data: x\n")

    assert run("validate", spelled.format(folder)).code == 1


def test_what_was_judged_stays_judged_while_somebody_writes_the_file() -> None:
    govern({"type": "object"})
    path = write(f"messages:\n  {MESSAGE}:\n    user_data: x\n")
    records = load(tree(), ["manifests"]).records
    path.write_text("messages: {}\n")

    (problem,) = Rules(load_settings(tree()), tree()).check(records.values())

    assert str(problem.source) == "manifests/a.yaml:2:3"


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [{"pattern": "("}]},
        {"default": {"pattern": "*"}},
        {"const": {"$ref": "x"}},
        {"examples": [{"$ref": "https://x"}]},
        {"properties": {"$ref": {"type": "string"}}},
    ],
)
def test_data_in_a_schema_is_no_schema(schema: object) -> None:
    govern(schema)

    Rules(load_settings(tree()), tree())


def test_numbers_are_judged_as_decimals() -> None:
    govern({"properties": {"price": {"multipleOf": 0.01, "maximum": 1000}}})
    write(f"messages:\n  {MESSAGE}:\n    user_data: {{price: 19.99}}\n")

    assert len(load(tree(), ["manifests"], Rules(load_settings(tree()), tree())).records) == 1


def test_a_text_that_is_too_long_is_measured_in_all_three_ways(run: Run) -> None:
    write("limits: {user_data_max_chars: 3}\n", "reconciler.yaml")
    write(f"messages:\n  {MESSAGE}:\n    user_data: aé😀x\n  {sid(1)}:\n    user_data: abc\n")

    result = run("validate")

    assert result.code == 1
    assert (
        "user_data has 4 characters (8 bytes, 5 UTF-16 units); reconciler.yaml allows 3 characters"
        in result.err
    )
    assert result.err.endswith("1 problem found.\n")


def test_schemas_are_judged_for_records_from_the_cache_as_well(
    run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    rows = "".join(f"  {sid(n)}:\n    user_data: {{campaign: spring}}\n" for n in range(1000))
    write(f"messages:\n{rows}")
    assert run("validate").code == 0
    govern({"properties": {"campaign": {"const": "summer"}}})

    result = run("validate", "--format", "json")

    first = json.loads(result.out)["problems"][0]
    assert first["source"] == {"file": "manifests/a.yaml", "line": 3, "column": 27}
    assert len(json.loads(result.out)["problems"]) == 1000


LONG = "a" * 500 + "!"  # a key of YAML has at most 1,024 characters


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, LONG),
        ({"properties": {"k": {"pattern": "^(a+)+$"}}}, {"k": LONG}),
        ({"patternProperties": {"^(a+)+$": True}, "additionalProperties": False}, {LONG: 1}),
        ({"propertyNames": {"pattern": "^(a|a)*$"}}, {LONG: 1}),
    ],
)
def test_no_pattern_of_a_pull_request_stops_a_run(schema: object, value: object) -> None:
    govern(schema)
    write(json.dumps({"messages": {MESSAGE: {"user_data": value}}}), "manifests/a.json")

    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate"],
        check=False,
        timeout=30,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "user-schema" in done.stdout + done.stderr


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!a)b", "(a)\\1", "a{2000}", "\\q", "(?i)a", "["])
def test_a_pattern_that_cannot_run_in_linear_time_is_refused_where_it_is(pattern: str) -> None:
    govern({"properties": {"a": {"pattern": pattern}}})

    with pytest.raises(ProblemsError) as caught:
        Rules(load_settings(tree()), tree())

    (problem,) = caught.value.problems
    assert (problem.rule, problem.source.line) == ("user-schema", 1)


def test_unevaluated_properties_beside_patterns_are_refused_where_they_are() -> None:
    govern({"patternProperties": {"^x": {}}, "unevaluatedProperties": False})

    with pytest.raises(ProblemsError, match="1 problem"):
        Rules(load_settings(tree()), tree())


def test_a_live_value_with_half_a_character_is_hidden_as_a_whole() -> None:
    govern({"patternProperties": {".": {"writeOnly": True}}})
    write(f"messages:\n  {MESSAGE}: {{user_data: {{a: x}}}}\n")
    rules = Rules(load_settings(tree()), tree())
    (record,) = load(tree(), ["manifests"]).records.values()

    assert rules.sensitive(record, '{"\\ud800":"secret"}') == ("",)
