"""A plan file may come from a job that was tampered with: its protection is not taken from it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Run
from reconciler.sandbox.store import Store
from writing import live, messages, sid, user_data, write

Forge = Callable[[dict[str, Any]], None]


def forged(source: str, change: Forge) -> str:
    """A plan file that was edited, with a new checksum; returns its name."""
    text = Path(source).read_text()
    document = json.loads(text)
    change(document)
    lines = []
    for line in text.splitlines():
        name = line.split(":")[0].strip('"')
        if name in document and not line.endswith("[") and name != "checksum":
            written = json.dumps(document[name], separators=(",", ":"), ensure_ascii=False)
            line = f'"{name}":{written}{"," if line.endswith(",") else ""}'  # noqa: PLW2901
        lines.append(line)
    body = "\n".join(lines).encode()
    body = body[: body.rindex(b',\n"checksum"')]
    checksum = hashlib.sha256(body[: body.rindex(b',\n"meta":')]).hexdigest()
    Path("forged.json").write_bytes(body + f',\n"checksum":"sha256:{checksum}"\n}}\n'.encode())
    return "forged.json"


def _no_guards(document: dict[str, Any]) -> None:
    document["guards"] = []


def _higher_limits(document: dict[str, Any]) -> None:
    for one in document["guards"]:
        one |= {"limit": 10**6, "ok": True, "first": []}


def _allowed(document: dict[str, Any]) -> None:
    for one in document["guards"]:
        one |= {"allowed": 10**6, "ok": True}


def _more_records(document: dict[str, Any]) -> None:
    document["scope"]["records"] = 10**9
    for one in document["guards"]:
        one |= {"value": 0.1, "ok": True, "first": []}


@pytest.fixture(autouse=True)
def mass_rewrite(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that replaces all of twenty values, which max_change_percent refuses."""
    monkeypatch.delenv("RECONCILER_ALLOW")
    live(store, dict.fromkeys(range(20), "old"))
    write(messages(dict.fromkeys(range(20), "new")))
    write("guards: {max_overwrites: null}\n", "reconciler.yaml")
    assert run("plan", "--sandbox", "--out", "plan.json").code == 0


@pytest.mark.parametrize("forge", [_no_guards, _higher_limits, _allowed, _more_records])
def test_guards_are_judged_anew_when_an_approved_digest_is_applied(
    run: Run, store: Store, forge: Forge
) -> None:
    name = forged("plan.json", forge)
    digest = json.loads(Path("plan.json").read_text())["digest"]

    honest = run("apply", "--sandbox", "plan.json", "--expect", digest)
    result = run("apply", "--sandbox", name, "--expect", digest)

    assert honest.code == 3
    assert result.code in (1, 3), result.out  # refused by its own check, or by the guard
    assert user_data(store, f"messages/{sid(1)}") == "old"


@pytest.mark.parametrize("forge", [_no_guards, _higher_limits])
def test_limits_are_those_of_the_checkout_without_an_approval_too(
    run: Run, store: Store, forge: Forge
) -> None:
    name = forged("plan.json", forge)

    result = run("apply", "--sandbox", name)

    assert result.code == 3
    assert "refused by max_change_percent" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "old"


def test_what_was_allowed_when_it_was_planned_is_allowed_when_it_is_applied(
    run: Run, store: Store
) -> None:
    run("plan", "--sandbox", "--out", "plan.json", "--allow", "max_change_percent=100")

    assert run("apply", "--sandbox", "plan.json").code == 0
    assert user_data(store, f"messages/{sid(1)}") == "new"


def test_a_limit_that_got_stricter_since_the_plan_holds(run: Run, store: Store) -> None:
    run("plan", "--sandbox", "--out", "plan.json", "--allow", "max_change_percent=100")
    write("guards: {max_overwrites: null, max_changes: 5}\n", "reconciler.yaml")

    result = run("apply", "--sandbox", "plan.json")

    assert result.code == 3
    assert "refused by max_changes" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "old"
