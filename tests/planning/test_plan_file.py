"""A plan written and read back; and what is refused."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import REPOSITORY
from plan_rows import ROWS, SOURCE, Rows, plan_of
from reconciler.errors import PlanFileError
from reconciler.model import Address, Plan, Unreadable
from reconciler.planning import plan_file
from writing import sid

SCHEMA = json.loads((REPOSITORY / "schemas/plan.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

EXAMPLE: Rows = {
    ("messages", 1): ("a", "b"),
    ("messages", 2): (None, '{"x":[1,2.0]}'),
    ("messages", 3): ("same", "same"),
    ("message_drs", 1): ('{"x":1,"y":2}', '{"x":2}'),
    ("message_drs", 2): ("a", None),
}


def written(plan: Plan) -> bytes:
    return "".join(plan_file.write(plan)).encode()


def with_unreadable(plan: Plan) -> Plan:
    gone = Unreadable(Address("messages", sid(77)), SOURCE, 404, "cannot find item by sid")
    lost = Unreadable(Address("messages", sid(78)), SOURCE, None, "no whole answer: timed out")
    return msgspec.structs.replace(plan, unreadable=(gone, lost))


@given(ROWS)
def test_what_was_written_is_read_back_and_meets_the_schema(rows: Rows) -> None:
    plan = with_unreadable(plan_of(rows))
    data = written(plan)

    assert plan_file.read(data, "plan.json") == plan
    VALIDATOR.validate(json.loads(data))
    assert written(plan_file.read(data, "plan.json")) == data


def test_every_member_that_is_written_is_in_the_schema() -> None:
    def check(value: object, schema: dict[str, Any], where: str) -> None:
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            check(value, SCHEMA["$defs"][name], where)
        elif isinstance(value, list) and "items" in schema:
            for item in value:
                check(item, schema["items"], where)
        elif isinstance(value, dict) and "properties" in schema:
            properties = schema["properties"]
            assert isinstance(properties, dict)
            assert value.keys() <= properties.keys(), where
            for name, item in value.items():
                check(item, properties[name], f"{where}/{name}")

    check(json.loads(written(with_unreadable(plan_of(EXAMPLE)))), SCHEMA, "")


def test_terraforms_own_members_are_there() -> None:
    plan = json.loads(written(plan_of(EXAMPLE)))

    for change in plan["resource_changes"]:
        assert change["change"]["actions"] == ["update"]
        assert change["address"] == f"{change['type']}/{change['name']}"
    assert plan["format_version"].startswith("1.")


@given(st.data())
def test_a_plan_with_any_byte_changed_is_refused_or_means_the_same(data: st.DataObject) -> None:
    plan = with_unreadable(plan_of(EXAMPLE))
    good = written(plan)
    index = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255))
    bad = good[:index] + bytes([byte]) + good[index + 1 :]

    try:
        read = plan_file.read(bad, "plan.json")
    except PlanFileError as error:
        assert str(error).startswith("plan.json: ")
    else:
        # What is left is free text: the name of a file, the reason of an error.
        assert (read.digest, read.in_sync) == (plan.digest, plan.in_sync)
        assert [(c.address, c.before, c.after, c.origin) for c in read.changes] == [
            (c.address, c.before, c.after, c.origin) for c in plan.changes
        ]


@given(st.integers(0, 4000))
def test_a_plan_that_was_cut_is_refused(length: int) -> None:
    good = written(plan_of(EXAMPLE)).rstrip()

    with pytest.raises(PlanFileError):
        plan_file.read(good[: min(length, len(good) - 1)], "plan.json")


def edited(**changes: object) -> bytes:
    plan = json.loads(written(plan_of(EXAMPLE)))
    for path, value in changes.items():
        *parents, last = path.split("__")
        where = plan
        for parent in parents:
            where = where[int(parent) if parent.isdigit() else parent]
        where[last] = value
    return json.dumps(plan).encode()


@pytest.mark.parametrize(
    "edit",
    [
        {"digest": "sha256:" + "0" * 64},
        {"target__base_url": "https://evil.example/core/v2"},
        {"resource_changes__0__change__after": {"user_data": "evil"}},
        {"resource_changes__0__change__actions": ["delete"]},
        {"resource_changes__0__name": "../../admin"},
        {"resource_changes__0__address": "messages/../../admin"},
        {"resource_changes__0__type": "partners"},
        {"resource_changes__0__action": "set"},
        {"resource_changes__0__unknown": 1},
        {"summary__change": 0},
        {"summary__in_sync": 5000},
        {"resource_changes__0__diff": []},
        {"resource_changes__0__source__file": "innocent.yaml"},
        {"resource_changes__0__origin": "drift"},
        {"guards": [1]},
        {"applyable": False},
        {"complete": False},
        {"unknown": 1},
        {"unreadable": [{}]},
    ],
)
def test_an_edited_plan_is_refused(edit: dict[str, object]) -> None:
    with pytest.raises(PlanFileError, match=r"^plan\.json: "):
        plan_file.read(edited(**edit), "plan.json")


def test_an_address_of_a_record_that_was_not_read_is_checked_too() -> None:
    plan = with_unreadable(plan_of(EXAMPLE))
    for kind, sid_ in (("messages", "\x1b[2J::error::"), ("partners", sid(1))):
        forged = Unreadable(Address(kind, sid_), SOURCE, 404, "x")
        with pytest.raises(PlanFileError, match="was modified"):
            plan_file.read(
                written(msgspec.structs.replace(plan, unreadable=(forged,))), "plan.json"
            )


def test_a_plan_that_nests_without_end_is_refused() -> None:
    deep = b'{"format_version":"1.0","x":' + b"[" * 100_000

    with pytest.raises(PlanFileError):
        plan_file.read(deep, "plan.json")


def test_changes_out_of_order_or_twice_are_refused() -> None:
    plan = json.loads(written(plan_of(EXAMPLE)))
    for rows in (plan["resource_changes"][::-1], plan["resource_changes"] * 2):
        with pytest.raises(PlanFileError, match="was modified"):
            plan_file.read(json.dumps(plan | {"resource_changes": rows}).encode(), "plan.json")


def test_a_plan_of_another_major_version_is_refused_by_its_version() -> None:
    with pytest.raises(PlanFileError, match=r"has plan format 2\.0; this version reads 1\.0"):
        plan_file.read(edited(format_version="2.0"), "plan.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"{}", b"messages: {}"])
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(PlanFileError):
        plan_file.read(data, "plan.json")


def test_the_example_manifests_meet_the_manifest_schema() -> None:
    import yaml

    schema = json.loads((REPOSITORY / "schemas/manifest.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    files = sorted(Path(REPOSITORY / "manifests").rglob("*.yaml"))

    assert files
    for file in files:
        for text in yaml.safe_load_all(file.read_text()):
            validator.validate(text)


@pytest.mark.parametrize(
    "bad",
    [
        {"mesages": {}},
        {"messages": {"../admin": {"user_data": "x"}}},
        {"messages": {sid(1): {"user_data": 5}}},
        {"messages": {sid(1): {"user_data": True}}},
        {"messages": {sid(1): {"status": "x", "user_data": "x"}}},
        {"messages": {sid(1): {}}},
        {},
        [],
    ],
)
def test_the_manifest_schema_refuses_what_the_tool_refuses(bad: object) -> None:
    schema = json.loads((REPOSITORY / "schemas/manifest.schema.json").read_text())

    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)
