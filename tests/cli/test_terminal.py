"""What a person at a terminal sees, through a real pseudo-terminal; and what a log gets."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

from conftest import Run, Serve
from reconciler.cli import terminal
from reconciler.cli.terminal import Streams
from writing import manifest, many

pytestmark = pytest.mark.slow

PLAN = [sys.executable, "-m", "reconciler", "plan", "--parallelism", "1"]


def on_a_terminal(command: list[str]) -> str:
    """What a command shows on a terminal of its own, colours and all."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b"".join(iter(lambda: read(ours), b"")).decode()
    process.wait(timeout=60)
    os.close(ours)
    return shown


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other side has closed
        return b""


def test_what_takes_over_a_second_has_a_bar(serve: Serve) -> None:
    serve("--latency-ms", "30")
    many(60)

    shown = on_a_terminal(PLAN)

    assert "Reading records" in shown
    assert "/60" in shown
    assert "60 records could not be read" in shown


def test_what_is_quick_has_none_and_is_coloured(serve: Serve) -> None:
    serve()
    manifest("new")

    shown = on_a_terminal(PLAN)

    assert "Reading records" not in shown
    assert "\x1b[33m~\x1b[0m" in shown


def test_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock: Iterator[int] = iter(range(0, 1000, 4))  # four seconds a look
    monkeypatch.setattr("time.monotonic", lambda: next(clock))

    with Streams({}).progress("Reading records", 10, "so far") as step:
        for _ in range(10):
            step()

    assert capsys.readouterr().err.splitlines() == [
        "Reading records: 3 of 10 (so far)",
        "Reading records: 6 of 10 (so far)",
        "Reading records: 9 of 10 (so far)",
    ]


def test_ci_gets_no_bar_even_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(terminal, "SECONDS_BEFORE_PROGRESS", 0)
    manifest("new")

    assert run("plan", "--sandbox").err == ""
