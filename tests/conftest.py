"""What many tests stand on: a folder of its own, the command line, the embedded API."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from hypothesis import settings

from reconciler.cli.app import app
from reconciler.cli.main import main
from reconciler.sandbox.fixtures import open_seeded
from reconciler.sandbox.store import Store
from reconciler.sandbox.tokens import MANAGE

REPOSITORY = Path(__file__).parent.parent

# `make soak`: many more examples and worlds, other ones in every run.
SOAK = "WORLDS" in os.environ

# Machines are shared: how long an example takes says nothing about the code. A run in CI has the
# same examples every time, so that a red run is due to its change.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("soak", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("soak" if SOAK else "suite")


# A shell ignores Ctrl-C for what it starts in the background, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


MIN_TOKEN_CHARS = 8


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= _commands(command, (*path, name))
        else:
            found[" ".join((*path, name))] = command
    return found


COMMANDS = _commands(app)


class Result(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


# What a test and the processes that it starts see of the caller's environment. Anything else could
# make a test pass on one machine only: PYTHONUNBUFFERED once hid two faults.
_KEPT = re.compile("PATH|HOME|COV_.*|COVERAGE_.*|PYTEST_.*")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in an empty folder and in an environment that is built here."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if not _KEPT.fullmatch(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    # The first apply over hand-made values is refused (tests/promises/test_first_apply.py). Other
    # tests are not about that.
    monkeypatch.setenv("RECONCILER_ALLOW", "max_overwrites=1000000")
    return tmp_path


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Child processes load and write nothing for the measurement of coverage."""
    for name in [name for name in os.environ if name.startswith("COV")]:
        monkeypatch.delenv(name)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`run("plan", "--sandbox")` as a shell would, in this process.

    Whatever the command, the token of the environment is in none of its outputs and files.
    """

    def run(*arguments: str | Path) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        _no_token_in(captured.out, captured.err, tmp_path)
        return Result(code, captured.out, captured.err)

    return run


def _no_token_in(out: str, err: str, folder: Path) -> None:
    token = os.environ.get("CARRIERX_TOKEN", "").strip()
    if len(token) < MIN_TOKEN_CHARS:
        return
    assert token not in out
    assert token not in err
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert token.encode() not in path.read_bytes(), path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store that `--sandbox` uses in this test's folder, with the example's records."""
    with open_seeded(tmp_path / ".reconciler/sandbox.db") as store:
        yield store


class Server(NamedTuple):
    """An embedded API behind a real socket, in a process of its own."""

    base_url: str
    db: Path


Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """`serve("--fault", "500=1")` starts a server and points the environment at it."""
    processes: list[subprocess.Popen[str]] = []

    def serve(*arguments: str) -> Server:
        db = tmp_path / f"server-{len(processes)}.db"
        command = [sys.executable, "-m", "reconciler", "sandbox", "serve", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--db", str(db), *arguments], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        said = "".join(process.stdout.readline() for _ in range(4))
        found = re.search(r"CARRIERX_BASE_URL=(\S+)", said)
        assert found is not None, said
        monkeypatch.setenv("CARRIERX_BASE_URL", found[1])
        monkeypatch.setenv("CARRIERX_TOKEN", MANAGE)
        return Server(found[1], db)

    yield serve
    for process in processes:
        process.kill()
        process.communicate()
