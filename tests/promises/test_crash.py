"""A run that is killed, interrupted or refused a disk says so, and running it again is the cure."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import SOAK, Run, Serve, Server
from reconciler.applying import journal_format
from reconciler.sandbox.store import Store
from repository import commit, git
from writing import live, many, messages, sid, user_data, write

pytestmark = pytest.mark.slow

ALL = ("--allow", "max_change_percent=100", "--allow", "max_overwrites=1000000")
JOURNALS = Path(".reconciler/journal")
TOOL = [sys.executable, "-m", "reconciler"]


def holding(db: Path) -> int:
    """How many of `many` hold what is wanted."""
    with Store(db) as store:
        rows = [user_data(store, f"messages/{sid(n)}") for n in range(COUNT)]
    return rows.count("x")


COUNT = 40


@pytest.fixture
def server(run: Run, serve: Serve) -> Server:
    """A slow API that holds other values than a saved plan wants."""
    server = serve("--latency-ms", "30")
    many(COUNT)
    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests", "--drift", "1")
    run("plan", "--out", "plan.json", *ALL)
    return server


def start(*arguments: str, tool: list[str] = TOOL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*tool, "apply", "plan.json", "--parallelism", "4", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_some_are_written(process: subprocess.Popen[str], db: Path, some: int = 5) -> None:
    while holding(db) < some:
        assert process.poll() is None, process.communicate()


def journals() -> list[Path]:
    return sorted(JOURNALS.glob("*.jsonl"))


def read_journal(path: Path) -> journal_format.JournalContent:
    return journal_format.read(path.read_bytes(), str(path))


def test_after_kill_9_the_next_run_looks_first_at_what_was_in_flight_and_finishes(
    run: Run, server: Server
) -> None:
    process = start()
    until_some_are_written(process, server.db)
    process.kill()
    process.communicate()
    (left,) = journals()
    cut_off = read_journal(left)
    before = holding(server.db)

    result = run("apply", "plan.json", "--log-format", "json")

    assert result.code == 0
    assert 5 <= before < COUNT
    assert not cut_off.closed
    count = len(cut_off.in_flight)
    if count:
        assert "stopped without a final report; it may have been writing" in result.err
    asked = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    first = {one["path"].rpartition("/")[2] for one in asked[:count]}
    assert first == {address.sid for address in cut_off.in_flight}
    for address in cut_off.in_flight:
        assert re.search(f"  {address}: (in place|not in place: it holds what it held)", result.err)
    writes = [one for one in asked if one["method"] == "PATCH"]
    assert len(writes) == COUNT - before  # nothing is written twice
    assert read_journal(left).closed
    assert holding(server.db) == COUNT
    assert run("plan", "--detailed-exitcode").code == 0
    assert "without a final report" not in run("apply", "plan.json").err


def test_a_plan_made_afresh_settles_what_was_in_flight_as_well(run: Run, server: Server) -> None:
    process = start()
    until_some_are_written(process, server.db)
    process.kill()
    process.communicate()
    (left,) = journals()

    result = run("apply", "--auto-approve", *ALL)

    assert result.code == 0
    assert read_journal(left).closed
    for address in read_journal(left).in_flight:
        assert f"  {address}: " in result.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("shell", [False, True])
def test_the_first_signal_finishes_what_is_in_flight_and_reports(
    run: Run, server: Server, number: signal.Signals, code: int, shell: bool
) -> None:
    tool = ["bash", "-c", f'exec {" ".join(TOOL)} "$@"', "bash"] if shell else TOOL
    process = start("--report", "json=report.json", tool=tool)
    until_some_are_written(process, server.db)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    report = json.loads(Path("report.json").read_text())
    applied = report["summary"]["applied"]
    assert process.returncode == code == report["exit_code"]
    assert f"Interrupted: {applied} applied, {COUNT - applied} not started." in err
    assert applied == holding(server.db)
    assert f"{applied} applied, {COUNT - applied} skipped." in out
    (path,) = journals()
    assert (read_journal(path).closed, read_journal(path).in_flight) == (True, ())
    assert json.loads(path.with_suffix(".json").read_text())["summary"] == report["summary"]
    assert run("apply", "plan.json").code == 0


def test_what_does_not_answer_in_time_after_a_signal_is_unknown(run: Run, serve: Serve) -> None:
    server = serve("--latency-ms", "12000")
    write(messages({1: "x"}))
    with Store(server.db) as store:
        live(store, {1: "old"})
    started = time.monotonic()
    process = start_slowly(run)
    path = first_journal(process)
    while not read_journal(path).intents:
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 143
    assert time.monotonic() - signalled < 8
    assert "1 unknown." in out
    assert read_journal(path).outcomes
    assert started < signalled


def start_slowly(run: Run) -> subprocess.Popen[str]:
    """An apply of a plan that was made elsewhere: the slow server is not asked for it."""
    run("sandbox", "seed", "--manifests", "manifests", "--drift", "1", "--db", "quick.db")
    from reconciler.model import Address, Change, Origin, Plan, Source
    from reconciler.planning import plan_file
    from reconciler.planning.digest import digest

    url = os.environ["CARRIERX_BASE_URL"]
    changes = (Change(Address("messages", sid(1)), Origin.CHANGE, "old", "x", Source("m", 1, 1)),)
    plan = Plan(url, digest(url, changes), changes, 0)
    write("".join(plan_file.write(plan)), "plan.json")
    return start()


def first_journal(process: subprocess.Popen[str]) -> Path:
    while not journals() or b"\n" not in journals()[0].read_bytes():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return journals()[0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_the_run_at_once(
    serve: Serve, run: Run, number: int, code: int
) -> None:
    server = serve("--latency-ms", "12000")
    with Store(server.db) as store:
        live(store, {1: "old"})
    write(messages({1: "x"}))
    process = start_slowly(run)
    first_journal(process)
    process.send_signal(number)
    time.sleep(0.5)
    started = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=30)

    assert process.returncode == code
    assert time.monotonic() - started < 3


def test_a_signal_while_the_plan_is_made_says_so(serve: Serve) -> None:
    serve("--latency-ms", "5000")
    write(messages({1: "x"}))
    process = subprocess.Popen([*TOOL, "plan"], stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 143
    assert "Terminated: the command stopped early." in err
    assert "Traceback" not in err


@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="needs a namespace")
def test_as_process_1_of_a_container_signals_are_obeyed(run: Run, server: Server) -> None:
    process = start(tool=["unshare", "--pid", "--fork", "--kill-child", *TOOL])
    until_some_are_written(process, server.db)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    out, err = process.communicate(timeout=30)

    assert "Interrupted: " in err
    assert "applied" in out
    assert run("apply", "plan.json").code == 0


def test_one_run_at_a_time_and_the_other_one_is_named(run: Run, server: Server) -> None:
    process = start()
    until_some_are_written(process, server.db, some=1)

    result = run("apply", "plan.json")
    elsewhere = run("apply", "plan.json", "--journal", "another")
    process.communicate(timeout=30)

    assert result.code == 1
    assert (
        f"another apply is running in .reconciler/journal: process {process.pid} on " in result.err
    )
    assert elsewhere.code == 0
    assert holding(server.db) == COUNT


def test_two_runs_of_two_plans_lose_nothing_without_a_word(run: Run, server: Server) -> None:
    write("".join(Path("manifests/a.yaml").read_text().replace("user_data: x", "user_data: y")))
    run("plan", "--out", "other.json", *ALL)
    first = start()
    second = subprocess.run(
        [*TOOL, "apply", "other.json", "--journal", "another", "--report", "json=second.json"],
        check=False,
        capture_output=True,
    )
    first.communicate(timeout=30)
    outcomes = {
        row["address"]: row["outcome"]
        for row in json.loads(Path("second.json").read_text())["outcomes"]
    }
    mine = read_journal(journals()[0]).outcomes

    assert {first.returncode, second.returncode} <= {0, 5}
    with Store(server.db) as store:
        for address, ended in mine.items():
            held = user_data(store, str(address))
            applied = {ended.outcome, outcomes[str(address)]}
            assert applied <= {"applied", "stale"}
            if applied == {"applied", "stale"}:
                assert held == ("x" if ended.outcome == "applied" else "y")


def test_a_token_that_expires_half_way_is_cured_by_the_next_run(run: Run, serve: Serve) -> None:
    server = serve("--fault", "401=0.05", "--seed", "3")
    many(COUNT)
    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests", "--drift", "1")
    for _ in range(60):
        if run("plan", "--out", "plan.json", *ALL).code == 0:
            break
    result = run("apply", "plan.json", "--parallelism", "4")
    assert result.code in (1, 4)
    assert "refuses the token" in result.out + result.err
    for _ in range(200):
        if run("apply", "plan.json").code == 0:
            break
    assert holding(server.db) == COUNT


def test_a_record_deleted_between_plan_and_apply_is_missing_and_the_others_go_on(
    run: Run, store: Store
) -> None:
    live(store, {1: "a", 2: "a"})
    write(messages({1: "b", 2: "b"}))
    run("plan", "--sandbox", "--out", "plan.json")
    from reconciler.kinds import MESSAGES

    with store.transaction():
        kept = [(s, b) for s, b in store.everything(MESSAGES) if s != sid(1)]
        store.clear()
    store.add(MESSAGES, kept)

    result = run("apply", "--sandbox", "plan.json", "--report", "json=r.json")

    assert result.code == 4
    rows = json.loads(Path("r.json").read_text())["outcomes"]
    assert [row["outcome"] for row in rows] == ["missing", "applied"]


def test_events_are_terraforms_and_nothing_else_is_on_stdout(run: Run, store: Store) -> None:
    live(store, {1: "a", 2: "a", 3: "a"})
    write(messages({1: "b", 2: "b"}))
    run("plan", "--sandbox", "--out", "plan.json")
    live(store, {2: "c"})

    result = run("apply", "--sandbox", "plan.json", "--format", "json")

    events = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 5
    kinds = [event["type"] for event in events]
    assert kinds[:4] == ["version", "planned_change", "planned_change", "change_summary"]
    assert sorted(kinds[4:-1]) == ["apply_complete", "apply_errored", "apply_start"]
    assert kinds[-1] == "change_summary"
    assert events[-1]["changes"] == {"add": 0, "change": 1, "remove": 0, "operation": "apply"}
    assert events[-1]["outcomes"] == {"applied": 1, "stale": 1}
    complete = next(event for event in events if event["type"] == "apply_complete")
    assert complete["hook"]["resource"]["addr"] == f"messages/{sid(1)}"
    assert '"b"' not in result.out
    assert "Plan: 0 to add, 2 to change" in result.err


def test_the_audit_record_tells_who_and_what(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, {1: "a"})
    name = commit({"manifests/a.yaml": messages({1: "b"})})
    git("config", "user.email", "ada@example.com")
    git("config", "user.name", "Ada")
    for variable, value in {
        "GITHUB_ACTOR": "octocat",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "7",
    }.items():
        monkeypatch.setenv(variable, value)

    run("apply", "--sandbox", "--auto-approve", "--base", "HEAD")

    (path,) = journals()
    audit: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    assert audit["by"]["git"] == "Ada <ada@example.com>"
    assert audit["by"]["actor"] == "octocat"
    assert audit["by"]["url"] == "https://github.example/o/r/actions/runs/7"
    assert audit["by"]["commit"] == audit["source"]["head"] == name
    assert (audit["summary"], audit["exit_code"]) == ({"applied": 1}, 0)
    for file in JOURNALS.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file


def test_a_report_is_written_when_nothing_was(run: Run, store: Store) -> None:
    live(store, dict.fromkeys(range(20), "a"))
    write(messages(dict.fromkeys(range(20), "b")))

    result = run(
        "apply", "--sandbox", "--auto-approve", "--report", "json=r.json", "--report", "text=r.txt"
    )

    report = json.loads(Path("r.json").read_text())
    assert result.code == report["exit_code"] == 3
    assert (report["summary"], report["outcomes"]) == ({}, [])
    assert "max_change_percent" in Path("r.txt").read_text()


@pytest.mark.parametrize("text", ["json", "json=", "pdf=x.pdf", "json=nowhere/x.json"])
def test_a_report_that_cannot_be_is_refused_before_the_work(
    run: Run, store: Store, text: str
) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))

    assert run("apply", "--sandbox", "--auto-approve", "--report", text).code in (1, 64)
    assert user_data(store, f"messages/{sid(1)}") == "a"


# ---- disks


def unwritable(folder: Path) -> bool:
    """Makes a folder refuse files; root writes everywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o500)
    return os.geteuid() != 0


@pytest.mark.parametrize("where", ["file", "link"])
def test_a_journal_that_cannot_be_kept_stops_the_run_before_it_begins(
    run: Run, store: Store, where: str
) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    if where == "file":
        write("", "kept")
    else:
        Path("kept").symlink_to("/proc/nowhere")

    result = run("apply", "--sandbox", "--auto-approve", "--journal", "kept")

    assert result.code in (1, 64)
    assert "kept" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "a"


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(("room", "some"), [(4096, 0), (14_000, COUNT)])
def test_on_a_full_disk_the_run_stops_and_the_next_one_finishes(
    run: Run, server: Server, room: int, some: int
) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    process = subprocess.run(
        [*TOOL, "apply", "plan.json", "--parallelism", "2"],
        capture_output=True,
        text=True,
        preexec_fn=small_files,
        check=False,
    )

    written = holding(server.db)
    assert process.returncode == 4, process
    assert "the journal cannot be written: File too large" in process.stderr + process.stdout
    assert "Traceback" not in process.stderr
    # Whatever reached the API was noted before it did.
    (path,) = journals()
    assert written == some
    assert len(read_journal(path).intents) >= written
    assert run("apply", "plan.json").code == 0
    assert holding(server.db) == COUNT


def test_a_full_disk_leaves_the_old_plan_and_report(store: Store) -> None:
    live(store, dict.fromkeys(range(9), "a" * 900))
    write(messages(dict.fromkeys(range(9), "b" * 900)))
    write("the old one", "plan.json")
    write("the old report", "report.txt")

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    for flags in (("--out", "plan.json"), ("--report", "text=report.txt")):
        process = subprocess.run(
            [*TOOL, "plan", "--sandbox", *flags],
            capture_output=True,
            text=True,
            preexec_fn=small_files,
            check=False,
        )
        assert process.returncode == 1
        assert "cannot be written: File too large" in process.stderr
    assert Path("plan.json").read_text() == "the old one"
    assert Path("report.txt").read_text() == "the old report"


def test_a_damaged_journal_is_named_and_nothing_is_written(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    run("apply", "--sandbox", "--auto-approve")
    (path,) = journals()
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([rows[0], b"x" + rows[1], *rows[2:-1]]))
    live(store, {1: "a"})

    result = run("apply", "--sandbox", "--auto-approve")

    assert result.code == 1
    assert f"{path}:2: is damaged" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "a"


# ---- rollback


def test_rollback_undoes_what_was_written_and_still_stands(run: Run, store: Store) -> None:
    live(store, {1: "a", 2: None, 3: '{"k": 1}', 4: "a", 5: "b"})
    write(messages({1: "b", 2: "b", 3: {"k": 2}, 4: "b", 5: "b"}))
    run("apply", "--sandbox", "--auto-approve")
    (path,) = journals()
    live(store, {4: "somebody's"})

    planned = run("rollback", path, "--sandbox", "--out", "back.json")
    applied = run("apply", "--sandbox", "back.json")

    assert (planned.code, applied.code) == (0, 0)
    assert "Plan: 0 to add, 3 to change, 0 to destroy." in planned.out
    assert "1 left alone" in planned.out
    held = [user_data(store, f"messages/{sid(n)}") for n in (1, 2, 3, 4, 5)]
    assert held == ["a", None, '{"k": 1}', "somebody's", "b"]
    assert "reconciler apply --sandbox back.json" in planned.err
    again = run("rollback", path, "--sandbox")
    assert again.out.endswith("3 in sync, 1 left alone.\n")


def test_rollback_of_another_api_is_refused(run: Run, store: Store, serve: Serve) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    run("apply", "--sandbox", "--auto-approve")
    (path,) = journals()
    serve()

    result = run("rollback", path)

    assert result.code == 1
    assert "was written for http://sandbox.localhost/core/v2, but this run uses" in result.err


@pytest.mark.parametrize("name", ["nowhere.jsonl", "manifests/a.yaml"])
def test_rollback_of_no_journal_is_one_clear_error(run: Run, name: str) -> None:
    write(messages({1: "b"}))

    result = run("rollback", name, "--sandbox")

    assert result.code == 1
    assert name in result.err


# ---- every system call

STRACE = shutil.which("strace")


@pytest.mark.skipif(STRACE is None, reason="needs strace")
@pytest.mark.parametrize(
    "call",
    [
        "sendto,sendmsg,write,writev",
        "fsync,fdatasync",
        "ftruncate,pwrite64,flock",
        "epoll_wait,epoll_pwait",
    ],
)
def test_killed_at_any_system_call_the_next_run_converges(
    run: Run, serve: Serve, call: str
) -> None:
    server = serve()
    write(messages({1: "x", 2: "x"}))
    with Store(server.db) as store:
        live(store, {1: "old", 2: "old"})
    run("plan", "--out", "plan.json")
    killed = 0
    # Each one starts the tool anew: of the many waits, `make soak` tries all, others each third.
    step = 3 if call.startswith("epoll") and not SOAK else 1
    for number in range(1, 60, step):
        with Store(server.db) as store:
            live(store, {1: "old", 2: "old"})
        shutil.rmtree(JOURNALS, ignore_errors=True)
        process = subprocess.run(
            [
                *(str(STRACE), "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"),
                # Whatever is called for the number-th time ends the process before it does a thing.
                *("-e", f"inject={call}:signal=KILL:when={number}"),
                *(*TOOL, "apply", "plan.json", "--parallelism", "1"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        with Store(server.db) as store:
            held = [user_data(store, f"messages/{sid(n)}") for n in (1, 2)]
        # Honest: nothing reached the API that was not noted before.
        intents = {a.sid for path in journals() if path.read_bytes() for a in noted(path)}
        assert {sid(n) for n, value in zip((1, 2), held, strict=True) if value == "x"} <= intents
        result = run("apply", "plan.json")
        assert result.code == 0, (number, result)
        with Store(server.db) as store:
            assert [user_data(store, f"messages/{sid(n)}") for n in (1, 2)] == ["x", "x"]
        if process.returncode == 0:
            break
        killed += 1
    assert killed


@pytest.mark.skipif(STRACE is None, reason="needs strace")
def test_a_disk_that_fails_stops_the_run_and_is_not_tried_again(run: Run, server: Server) -> None:
    command = [
        *(str(STRACE), "-f", "-qq", "-o", "trace.txt", "-e", "trace=fdatasync"),
        # The first line of the journal arrives; the first intents do not.
        *("-e", "inject=fdatasync:error=EIO:when=2+"),
        *(*TOOL, "apply", "plan.json"),
    ]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert process.returncode == 4
    assert "the journal cannot be written: Input/output error" in process.stderr
    assert holding(server.db) == 0
    assert Path("trace.txt").read_text().count("EIO") == 1
    assert run("apply", "plan.json").code == 0
    assert holding(server.db) == COUNT


def noted(path: Path) -> set[Any]:
    try:
        return set(read_journal(path).intents)
    except journal_format.JournalError:
        return set()  # killed while its first line was written
