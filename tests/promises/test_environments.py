"""A run behaves the same in every environment: buffered or not, in any locale, read-only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run, Serve
from reconciler.sandbox.store import Store
from writing import live, manifest, many, sid, user_data

pytestmark = pytest.mark.slow

# What root has to give up so that it cannot write into a folder without write permission.
_AS_OTHERS = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


def _installed(folder: Path) -> Path:
    """A copy of the package in a folder that nobody may write, as in a system's image."""
    package = folder / "site" / "reconciler"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "reconciler", package, ignore=ignored)
    shutil.copytree(REPOSITORY / "schemas", package / "schemas")
    for path in (package, *package.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return package.parent


@pytest.fixture(params=["buffered", "unbuffered", "LANG=C", "read-only"])
def tool(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Tool:
    """`tool("plan --sandbox >/dev/full")` in one of the environments, by bash."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    prefix: tuple[str, ...] = ()
    if request.param == "unbuffered":
        environment["PYTHONUNBUFFERED"] = "1"
    elif request.param == "LANG=C":
        environment["LANG"] = "C"
    elif request.param == "read-only":
        environment["PYTHONPATH"] = str(_installed(tmp_path_factory.mktemp("installed")))
        prefix = _AS_OTHERS if os.getuid() == 0 else ()

    def tool(line: str) -> "subprocess.CompletedProcess[str]":
        kept = ("CARRIERX_", "RECONCILER_")
        known = {name: value for name, value in os.environ.items() if name.startswith(kept)}
        return subprocess.run(
            [*prefix, "bash", "-o", "pipefail", "-c", f"{sys.executable} -m reconciler {line}"],
            env=environment | known,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )

    return tool


def test_a_plan_is_written_applied_and_planned_again(tool: Tool, store: Store) -> None:
    many(3)
    live(store, {0: "é", 1: None, 2: "x"})

    planned = tool("plan --sandbox --out plan.json")
    applied = tool("apply plan.json --sandbox")
    again = tool("plan --sandbox --detailed-exitcode")

    assert (planned.returncode, applied.returncode, again.returncode) == (0, 0, 0)
    assert [user_data(store, f"messages/{sid(n)}") for n in range(3)] == ["x", "x", "x"]
    assert "No changes." in again.stdout


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("plan --sandbox >&-", 1),
        ("plan --sandbox 2>&-", 0),
        ("plan --sandbox <&-", 0),
        ("plan --sandbox >/dev/full", 1),
        ("plan --sandbox >/dev/full 2>&1", 1),
        ("plan --sandbox 2>/dev/full", 0),
        ("plan --sandbox 2> >(exec true)", 0),
        ("plan --sandbox --format json >/dev/full", 1),
        ("plan --sandbox --format html --detailed-exitcode | exec true", 141),
        ("--help >/dev/full", 1),
        ("no-such-command 2>/dev/full", 64),
        ("schema plan >/dev/full", 1),
        ("validate --manifests missing 2>/dev/full", 1),
    ],
)
def test_the_exit_code_is_the_runs_own_whatever_becomes_of_its_streams(
    tool: Tool, line: str, code: int
) -> None:
    manifest("x")

    done = tool(line)

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize(("redirection", "code"), [("2>/dev/full", 0), (">/dev/full", 1)])
def test_an_apply_writes_all_or_nothing_whatever_becomes_of_its_streams(
    tool: Tool, run: Run, serve: Serve, redirection: str, code: int
) -> None:
    server = serve()
    many(5)
    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests", "--drift", "1")

    allowed = "--allow max_change_percent=100 --allow max_overwrites=9"
    done = tool(f"apply --auto-approve {allowed} {redirection}")

    # What is to be approved could not be shown on a full stdout: then nothing may be written.
    assert done.returncode == code
    assert tool("plan --detailed-exitcode").returncode == (0 if code == 0 else 2)
    journals = list(Path(".reconciler/journal").glob("*.jsonl"))
    assert len(journals) == (code == 0)
    assert all('"type":"end"' in path.read_text().splitlines()[-1] for path in journals)
