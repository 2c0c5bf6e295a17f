"""Formats for tools: what a tool of that kind makes of them."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from conftest import COMMANDS
from goldens import check
from planned import approval, large, mixed
from reconciler.model import Plan
from reconciler.review import github_workflow
from reconciler.review.formats import FORMATS, View
from reconciler.review.report import make_report


def shown(name: str, plan: Plan) -> str:
    return "".join(FORMATS[name](View(plan, Path())))


@pytest.mark.parametrize("command", ["plan", "show"])
def test_the_command_line_offers_every_format_and_no_other(command: str) -> None:
    """It names them itself: `--help` must not import what they need."""
    (option,) = (one for one in COMMANDS[command].params if one.name == "format_")

    assert isinstance(option.type, click.Choice)
    assert set(option.type.choices) == set(FORMATS)


@pytest.mark.parametrize("name", ["csv", "jsonl", "junit", "gitlab"])
def test_the_output_is_the_golden_one(name: str) -> None:
    check(f"plan.{name}", shown(name, mixed()))


def test_jsonl_holds_the_rows_of_the_document_one_by_one() -> None:
    rows = [json.loads(line) for line in shown("jsonl", approval()).splitlines()]
    document = json.loads(shown("json", approval()))

    assert [row["resource_change"] for row in rows if row["type"] == "resource_change"] == document[
        "resource_changes"
    ]
    assert (rows[0]["type"], rows[-1]["type"]) == ("plan", "summary")
    assert rows[-1]["summary"] == document["summary"]
    assert {row["type"] for row in rows} == {
        *("plan", "resource_change", "conflict", "released", "guard", "summary")
    }


def test_csv_has_a_row_for_every_place() -> None:
    plan = large(200)
    rows = list(csv.DictReader(io.StringIO(shown("csv", plan))))

    assert {row["address"] for row in rows} == {str(change.address) for change in plan.changes}
    tiers = [row for row in rows if row["path"] == "/tier"]
    assert all((row["before"], row["after"]) == ('"gold"', '"platinum"') for row in tiers)


def test_junit_counts_what_it_lists() -> None:
    suite = ET.fromstring(shown("junit", approval())).find("testsuite")

    assert suite is not None
    cases = list(suite)
    assert int(suite.attrib["tests"]) == len(cases)
    failed = [three_way for three_way in cases if three_way.find("failure") is not None]
    assert int(suite.attrib["failures"]) == len(failed) == 3 + 3 + 1
    assert [three_way.attrib["name"] for three_way in failed][-1] == "max_clears"


def test_the_widget_of_gitlab_has_its_three_numbers() -> None:
    assert json.loads(shown("gitlab", mixed())) == {"create": 2, "update": 6, "delete": 1}


def test_the_outputs_of_a_step_are_a_line_each() -> None:
    lines = github_workflow.outputs(make_report(approval())).splitlines()
    values = dict(line.split("=", 1) for line in lines)

    assert values["changes"] == "3"
    assert values["drift"] == "1"
    assert values["conflicts"] == "3"
    assert values["complete"] == "true"
    assert values["refused"] == "true"
    assert values["digest"] == approval().digest
