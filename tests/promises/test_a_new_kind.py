"""A kind is a row: a third one works everywhere, with nothing else touched."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conftest import REPOSITORY
from writing import MESSAGE, write

SID = "5b1e6f0a-2c1d-4e57-9a83-c4f0d7b9e211"
CALL = f"call_drs/{SID}"

# A made-up record of a call, as a maintainer would add it below the other rows.
ROW = """
CALL_DRS = Kind(
    name="call_drs",
    path="/calls/call_drs",
    sid_field="call_sid",
    noun="call detail record",
    counted=True,
    list_date="date_start",
    page_dates=("date_start",),
    scopes=Scopes("calls.manage", "calls.read", "calls.update"),
    read_only=frozenset(("call_sid", "date_changed", "date_start", "duration")),
    example={
        "call_sid": "",
        "date_changed": _DATE,
        "date_start": _DATE,
        "duration": 61,
        "user_data": None,
    },
)

"""

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def tool(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    """The command line of a copy of the package whose `kinds.py` has a third row."""
    site = tmp_path_factory.mktemp("site")
    for name in ("reconciler", "schemas"):
        shutil.copytree(REPOSITORY / name, site / name)
    kinds = site / "reconciler" / "kinds.py"
    source = kinds.read_text("utf-8")
    source = source.replace("KINDS: Mapping", f"{ROW}KINDS: Mapping")
    kinds.write_text(source.replace("(MESSAGES, MESSAGE_DRS)", "(MESSAGES, MESSAGE_DRS, CALL_DRS)"))

    def tool(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    return tool


@pytest.fixture
def planned(tool: Tool) -> dict[str, Any]:
    """A plan for one record of each kind, the call being one that the sandbox made up."""
    write(
        f"call_drs:\n  {SID}: {{user_data: vip}}\nmessages:\n  {MESSAGE}: {{user_data: updated}}\n"
    )
    assert tool("sandbox", "seed", "--manifests", "manifests", "--drift", "1").returncode == 0
    done = tool("plan", "--sandbox", "--out", "plan.json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(Path("plan.json").read_text())
    return document


def test_a_manifest_of_the_new_kind_is_checked_as_any_other(tool: Tool) -> None:
    write(f"call_drs:\n  {SID}: {{user_data: vip, duration: 3, colour: red}}\n")

    done = tool("validate")

    assert "`duration` is read-only" in done.stderr
    assert "`colour` is not a field of a call detail record" in done.stderr


def test_its_changes_are_planned_applied_and_then_in_sync(
    tool: Tool, planned: dict[str, Any]
) -> None:
    addresses = [change["address"] for change in planned["resource_changes"]]
    assert addresses == sorted([CALL, f"messages/{MESSAGE}"])

    applied = tool("apply", "plan.json", "--sandbox")
    again = tool("plan", "--sandbox", "--read", "sweep", "--detailed-exitcode")

    assert applied.returncode == 0, applied.stderr
    assert again.returncode == 0, again.stdout
    assert "No changes." in again.stdout


@pytest.mark.parametrize(
    "name", ["text", "jsonl", "markdown", "html", "github", "gitlab", "junit", "csv"]
)
@pytest.mark.usefixtures("planned")
def test_every_report_shows_it(tool: Tool, name: str) -> None:
    shown = tool("show", "plan.json", "--format", name)

    assert shown.returncode == 0, shown.stderr
    assert name == "gitlab" or "call_drs" in shown.stdout


def test_the_printed_schemas_know_it(tool: Tool, planned: dict[str, Any]) -> None:
    manifest = json.loads(tool("schema", "manifest").stdout)
    plan = json.loads(tool("schema", "plan").stdout)

    Draft202012Validator(plan).validate(planned)
    Draft202012Validator(manifest).validate({"call_drs": {SID: {"user_data": "vip"}}})
    published = json.loads((REPOSITORY / "schemas/plan.schema.json").read_text())
    assert not Draft202012Validator(published).is_valid(planned)


def test_the_sandbox_makes_up_records_of_it_and_asks_for_its_scopes(tool: Tool) -> None:
    assert tool("sandbox", "seed", "--records", "5", "--out", "made").returncode == 0

    assert sorted(path.name for path in Path("made").iterdir()) == [
        "call_drs-000.yaml",
        "message_drs-000.yaml",
        "messages-000.yaml",
    ]
    planned = tool("plan", "--sandbox", "--manifests", "made")
    assert "15 records: 15 in sync." in planned.stdout
