"""Hostile manifests end in moments, within bounded memory, in a located problem.

Each runs in a process of its own with hard limits: what hangs, eats memory or crashes the parser
fails here and takes nothing else along.
"""

import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import Run
from reconciler.sandbox.store import Store
from writing import MESSAGE, live, sid, write

pytestmark = pytest.mark.slow

SECONDS = 10  # of processor time, start-up included; each needs a fraction of one
BYTES = 512 * 1024 * 1024

LAUGHS = f"messages:\n  {MESSAGE}: {{user_data: &a0 [lol]}}\n" + "".join(
    f"  {sid(n)}: {{user_data: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 20)
)
LONG_TEXT = f'messages:\n  {MESSAGE}: {{user_data: [&x "{"A" * 100_000}"]}}\n'

BOMBS = {
    "sequences": "- " * 500_000,
    "questions": "? " * 500_000,
    "brackets": "[" * 1_000_000,
    "braces": "{a: " * 500_000,
    "closed brackets": "[" * 100_000 + "]" * 100_000,
    "billion laughs": LAUGHS,
    "long laughs": LONG_TEXT + f"  {sid(1)}: {{user_data: [{'*x, ' * 8000}]}}\n",
    "itself": f"messages:\n  {MESSAGE}: {{user_data: &x [*x]}}\n",
    "one key again": f"messages:\n  {MESSAGE}: {{user_data: {{{'a: 1, ' * 200_000}}}}}\n",
    "one record again": "messages:\n" + f"  {MESSAGE}: {{user_data: x}}\n" * 20_000,
    "bad records": "messages:\n" + "  x: {user_data: 0x1}\n" * 10_000,
    "digits": f"messages:\n  {MESSAGE}: {{user_data: [{'9' * 1_000_000}]}}\n",
    "float digits": f"messages:\n  {MESSAGE}: {{user_data: [1.{'_9' * 500_000}]}}\n",
    "colons": ":" * 1_000_000,
    "quotes": '"' * 999_999,
    "anchors": "&a " * 300_000,
    "tags": "!a " * 300_000,
    "long key": f"messages:\n  {'k' * 1_000_000}: x\n",
    "directives": "%YAML 1.2\n" * 100_000,
    "documents": "---\n" * 200_000,
    "comments": "# x\n" * 500_000,
    "tabs": "\t" * 1_000_000,
    "breaks": "\n" * 2_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_bomb_ends_in_a_located_problem(name: str, suffix: str) -> None:
    Path(f"bomb.{suffix}").write_text(BOMBS[name])

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))

    process = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", f"bomb.{suffix}"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )

    assert process.returncode == 1, process.stderr[-500:]
    lines = process.stderr.splitlines()
    assert lines[0].startswith(f"bomb.{suffix}:")
    assert len(lines) <= 23
    assert max(map(len, lines)) < 500


# ---- work decided by a stranger's value or a pull request's schema


def doubling(depth: int) -> str:
    """A schema of a few lines that is applied 2^depth times."""
    levels = {
        f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}, {"$ref": f"#/$defs/l{n + 1}"}]}
        for n in range(depth)
    }
    return json.dumps({"$defs": {**levels, f"l{depth}": {}}, "$ref": "#/$defs/l0"})


MANY = list(range(20_000))
SCHEMAS = {
    "allOf that doubles": (doubling(40), {"a": 1}),
    "items that are compared": ('{"properties": {"a": {"uniqueItems": true}}}', {"a": MANY}),
    "mappings that are compared": (
        '{"properties": {"a": {"uniqueItems": true}}}',
        {"a": [{"k": n} for n in range(20_000)]},
    ),
    "a long enum for each item": (
        json.dumps({"properties": {"a": {"items": {"enum": MANY}}}}),
        {"a": [-1] * 20_000},
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_takes_too_much_work_is_a_problem_or_quick(run: Run, name: str) -> None:
    text, value = SCHEMAS[name]
    write(text, "s.json")
    write(json.dumps({"messages": {sid(1): {"user_data": value}}}), "manifests/a.json")
    write("rules: [{paths: ['**'], user_data_schema: s.json}]\n", "reconciler.yaml")
    began = time.process_time()

    result = run("validate")

    assert result.code == 0 or "s.json)" in result.err
    assert time.process_time() - began < 30  # without a bound: minutes to for ever


def nested(depth: int, leaf: object) -> object:
    value = leaf
    for _ in range(depth):
        value = [value, value]
    return value


def repeated(number: int) -> list[str]:
    return [random.Random(number + n).choice("ab") for n in range(200)]


VALUES = {
    "nested pairs": (nested(14, 1), nested(14, 2)),
    "long lists without identity": (
        [{"a": n, "b": [n]} for n in range(5_000)],
        [{"a": n + 1, "b": [n]} for n in range(5_000)],
    ),
    "lists of a few values": ([repeated(n) for n in range(50)], [repeated(-n) for n in range(50)]),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_live_value_that_is_hard_to_compare_is_compared_coarsely(
    run: Run, store: Store, name: str
) -> None:
    before, after = VALUES[name]
    live(store, {1: json.dumps(before)})
    write(json.dumps({"messages": {sid(1): {"user_data": {"x": after}}}}), "manifests/a.json")
    live(store, {1: json.dumps({"x": before})})
    began = time.process_time()

    assert run("plan", "--sandbox", "--out", "plan.json").code == 0
    for format_ in ("text", "html", "markdown", "csv"):
        assert run("show", "plan.json", "--format", format_).code == 0

    assert time.process_time() - began < 60
