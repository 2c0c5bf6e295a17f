"""Targets of a pipe are all of them, or none."""

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.targets import MAX_TARGET_BYTES
from writing import messages, sid, write


def planned(given: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "reconciler", "plan", "--sandbox", "--target-file", "-"],
        input=given,
        capture_output=True,
        check=False,
    )


@pytest.mark.usefixtures("folder")
def test_targets_come_from_a_pipe() -> None:
    write(messages({1: "x", 2: "x"}))

    result = planned(f"messages/{sid(2)}\n".encode())

    assert b"Limited to --target-file -." in result.stdout
    assert f"messages/{sid(2)}".encode() in result.stdout
    assert sid(1).encode() not in result.stdout


@pytest.mark.usefixtures("folder")
def test_more_targets_than_can_be_read_are_an_error_and_not_cut() -> None:
    write(messages({1: "x"}))

    result = planned(f"messages/{sid(1)}\n".encode() + b"#" * MAX_TARGET_BYTES)

    assert result.returncode == 1
    assert b"--target-file -: cannot be read: File too large" in result.stderr
    assert not Path(".reconciler").exists() or b"Plan:" not in result.stdout
