"""A plan is good for every Python and for every later version that reads its format."""

import hashlib
import json
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run
from reconciler.errors import PlanFileError
from reconciler.planning.guards.registry import GUARDS
from reconciler.planning.plan_file import read, read_plan, write

# These files are never written again: an earlier version, or another Python, made them.
PLANS = sorted((REPOSITORY / "tests/plans").glob("*/*.json"))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_plan_that_was_written_once_is_read_for_ever(run: Run, path: Path) -> None:
    plan = read_plan(path)
    document = json.loads(path.read_text("utf-8"))

    assert plan.digest == document["digest"]
    assert [str(change.address) for change in plan.changes] == [
        row["address"] for row in document["resource_changes"]
    ]
    for format_ in ("text", "markdown", "html", "jsonl", "csv"):
        assert run("show", path, "--format", format_).code == 0


def test_they_hold_every_guard_and_characters_that_are_younger_than_some_pythons() -> None:
    documents = [json.loads(path.read_text("utf-8")) for path in PLANS]
    guards = {one["guard"] for document in documents for one in document["guards"]}
    texts = "".join(json.dumps(document, ensure_ascii=False) for document in documents)

    assert guards == set(GUARDS)
    assert all(emoji in texts for emoji in ("\U0001fae8", "\U0001fadf", "\U0001f6d8"))


def test_a_text_that_another_python_wrote_in_another_way_is_read_as_well() -> None:
    """As 3.11 would have written an emoji of Unicode 15: the checksum covers the bytes."""
    (path,) = (path for path in PLANS if path.name == "full.json")
    data = path.read_bytes().replace("\U0001fae8".encode(), rb"\ud83e\udee8")
    escaped = _with_checksum(data)

    assert escaped != path.read_bytes()
    assert read(escaped, "plan.json") == read_plan(path)


def test_members_of_a_later_minor_version_are_ignored() -> None:
    (path,) = (path for path in PLANS if path.name == "full.json")
    data = path.read_bytes().replace(b'"format_version":"1.0"', b'"format_version":"1.7"')
    data = data.replace(b',\n"meta":', b',\n"something_new":{"a":[1]},\n"meta":', 1)
    data = data.replace(b'"mode":"managed"', b'"mode":"managed","new":1')

    assert read(_with_checksum(data), "plan.json") == read_plan(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Read by other tools, and not by an apply.
        (b'{\n"format', b'{"resource_changes":[],\n"format'),
        (b',\n"meta":', b',\n "resource_changes":[],\n"meta":'),
        (b',\n"meta":', b',\n"resource_changes":[],\n"meta":'),
        (b',\n"meta":', b',\n"meta":{},\n"meta":'),
        (b'"action":"change"', b'"action":"set"'),
        (b'"complete":false', b'"complete":true'),
        (b'"in_sync":7', b'"in_sync":8'),
        # A reader that takes the first of two members sees another value.
        (b'"after":{', b'"after":{"user_data":"evil"},"after":{'),
        (b'"action":"change"', b'"\\u0061ction":"clear","action":"change"'),
        (b'"managed":', b'"managed":1,"managed":'),
    ],
)
def test_what_other_tools_would_read_differently_is_refused_with_any_checksum(
    old: bytes, new: bytes
) -> None:
    (path,) = (path for path in PLANS if path.name == "full.json")
    data = path.read_bytes()
    assert old in data

    with pytest.raises(PlanFileError):
        read(_with_checksum(data.replace(old, new, 1)), "plan.json")


def test_writing_them_again_gives_the_same_bytes_in_this_version() -> None:
    for path in PLANS:
        if path.parent.name == "1.0":
            assert "".join(write(read_plan(path))) == path.read_text("utf-8")


def _with_checksum(data: bytes) -> bytes:
    """A document with the checksum of what it holds now, as anyone who edits it can compute it."""
    body = data[: data.rindex(b',\n"checksum"')]
    start = body.rindex(b',\n"meta":')
    covered = body[:start]
    return body + f',\n"checksum":"sha256:{hashlib.sha256(covered).hexdigest()}"\n}}\n'.encode()
