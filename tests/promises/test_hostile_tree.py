"""A pull request controls the whole tree: nothing in it leads a run to write elsewhere."""

import os
import zlib
from pathlib import Path

import msgspec
import pytest

from conftest import Run, Serve
from reconciler.applying.journal_format import Intent, RunStarted, line_of
from reconciler.model import Source
from reconciler.sandbox.store import Store
from repository import commit, git
from writing import live, messages, sid, user_data, write

M = "manifests/a.yaml"
JOURNALS = ".reconciler/journal"


@pytest.fixture
def victim(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file outside of the checkout that must stay as it is."""
    del folder
    path = tmp_path_factory.mktemp("elsewhere") / "victim"
    path.write_text("precious")
    return path


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(
    ("link", "command"),
    [
        ("plan.json", ("plan", "--sandbox", "--out", "plan.json")),
        ("plan.html", ("plan", "--sandbox", "--report", "html=plan.html")),
        ("out", ("plan", "--sandbox", "--out", "out/plan.json")),
        ("out", ("sandbox", "seed", "--records", "1", "--out", "out")),
        ("result.json", ("apply", "--sandbox", "--auto-approve", "--report", "json=result.json")),
        (".reconciler", ("apply", "--sandbox", "--auto-approve")),
        (JOURNALS, ("apply", "--sandbox", "--auto-approve")),
        (f"{JOURNALS}/lock", ("apply", "--sandbox", "--auto-approve")),
        (".reconciler/.gitignore", ("apply", "--sandbox", "--auto-approve")),
        (".reconciler/sandbox.db", ("plan", "--sandbox")),
        (".reconciler/sandbox.db-wal", ("plan", "--sandbox")),
    ],
)
def test_nothing_is_written_through_a_link(
    run: Run, victim: Path, link: str, command: tuple[str, ...], broken: bool
) -> None:
    write(messages({1: None}))
    Path(link).parent.mkdir(parents=True, exist_ok=True)
    target = victim.parent / "new" if broken else victim
    if link in ("out", ".reconciler", JOURNALS) and not broken:
        target = victim.parent
    Path(link).symlink_to(target)

    run(*command)

    assert victim.read_text() == "precious"
    assert [path.name for path in victim.parent.iterdir()] == ["victim"]


def _begun(**changes: object) -> bytes:
    begun = RunStarted("run", 1, "1", "sha256:0", "http://sandbox.localhost/core/v2", "patch", "h",
                       1, "2026-01-01T00:00:00+00:00", 1, 1)  # fmt: skip
    return line_of(msgspec.structs.replace(begun, **changes))


def _line(body: bytes) -> bytes:
    return b'%b,"crc":"%08x"}\n' % (body[:-1], zlib.crc32(body))


INTENT = line_of(Intent(f"messages/{sid(1)}", "a", "b", 1, Source("m", 1, 1), seq=2))
FORGED = {
    "noise": os.urandom(300) + b"\n",
    "a parallelism below one": _begun(parallelism=-1) + INTENT,
    "a huge parallelism": _begun(parallelism=10**30) + INTENT,
    "not UTF-8": _line(b'{"type":"run","run":"\xff\xfe","seq":1}') + b"\n",
    "deep": _line(b'{"type":"run","run":' + b"[" * 100_000 + b"]" * 100_000 + b"}") + b"\n",
    "another address": _begun() + INTENT.replace(b"messages/", b"../../xx/"),
    "empty": b"",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_journal_that_a_commit_brings_is_refused_by_name(
    run: Run, store: Store, name: str
) -> None:
    live(store, {1: "a"})
    commit({M: messages({1: "b"})})
    path = Path(JOURNALS, "x.jsonl")
    path.parent.mkdir(parents=True)
    path.write_bytes(FORGED[name])
    git("add", "--force", path)
    git("commit", "--quiet", "--message", "hostile")

    result = run("apply", "--sandbox", "--auto-approve")

    assert result.code == 1
    assert "git tracks files there" in result.err
    assert "git rm -r --cached .reconciler/journal" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "a"


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_journal_is_a_damaged_one_and_never_a_bug(
    run: Run, store: Store, name: str
) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    path = Path(JOURNALS, "x.jsonl")
    path.parent.mkdir(parents=True)
    path.write_bytes(FORGED[name])

    for command in (("apply", "--sandbox", "--auto-approve"), ("rollback", path, "--sandbox")):
        result = run(*command)
        assert result.code in (0, 1), result.err
        assert "internal error" not in result.err


@pytest.mark.parametrize("made", ["pipe", "folder"])
def test_a_lock_that_is_no_file_is_an_error(run: Run, store: Store, made: str) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    Path(JOURNALS).mkdir(parents=True)
    lock = Path(JOURNALS, "lock")
    os.mkfifo(lock) if made == "pipe" else lock.mkdir()

    result = run("apply", "--sandbox", "--auto-approve")

    assert result.code == 1
    assert "the journal cannot be kept there" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "a"


# ---- where a token goes, and what stays hidden


def test_the_address_is_never_taken_from_the_project(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pin can only refuse: the token goes nowhere that the environment does not name."""
    pinned, used = serve(), serve()
    write(f"environments: {{evil: {{base_url: '{pinned.base_url}'}}}}\n", "reconciler.yaml")
    write(messages({1: "x"}))
    monkeypatch.setenv("CARRIERX_BASE_URL", used.base_url)

    result = run("apply", "--env", "evil", "--auto-approve", "--log-format", "text")

    assert result.code == 1
    assert "GET" not in result.err
    assert used.base_url in result.err


def test_a_settings_file_nearer_to_the_run_does_not_unhide_a_value(
    run: Run, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "canary-41c8"
    live(store, {1: f'{{"pin":"{secret}"}}'})
    (folder / "svc").mkdir()
    (folder / ".reconciler").rename(folder / "svc/.reconciler")
    rule = "rules: [{paths: ['svc/**'], user_data_schema: s.json}]\n"
    commit(
        {
            "reconciler.yaml": rule,
            "s.json": '{"properties": {"pin": {"writeOnly": true}}}',
            "svc/manifests/a.yaml": messages({1: {"pin": "a"}}),
        }
    )
    git("checkout", "--quiet", "-b", "hostile")
    commit(
        {"svc/reconciler.yaml": "version: 1\n", "svc/manifests/a.yaml": messages({1: {"pin": "b"}})}
    )
    monkeypatch.chdir("svc")

    for flags in (["--base", "main"], ["--since", "main"]):
        result = run("plan", "--sandbox", *flags, "--report", "html=p.html")
        assert result.code == 0, result.err
        assert secret not in result.out + Path("p.html").read_text()
        assert "(sensitive" in result.out
