"""Hostile manifests end in moments, within bounded memory, in a located problem.

Each runs in a process of its own with hard limits: what hangs, eats memory or crashes the parser
fails here and takes nothing else along.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from writing import MESSAGE, sid

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
