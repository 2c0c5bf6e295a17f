"""The promises, told from the outside: what the API holds afterwards, and the next plan."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import REPOSITORY, Run, Serve
from reconciler.cli.main import main
from reconciler.client import api
from reconciler.client.transport import Transport
from reconciler.kinds import MESSAGES
from reconciler.model import Record
from reconciler.sandbox.store import Store
from reconciler.sandbox.tokens import NOTHING, READ
from writing import (
    DETAIL_RECORD,
    MESSAGE,
    MISSING,
    OTHER_MESSAGE,
    held,
    manifest,
    many,
    seed_of,
    sid,
    user_data,
    write,
)

NO_CHANGES = "No changes. Your records match the configuration."


@pytest.fixture
def example(folder: Path) -> Path:
    """The repository's own manifests."""
    shutil.copytree(REPOSITORY / "manifests", folder / "manifests")
    return folder / "manifests"


@pytest.mark.usefixtures("example")
def test_plan_changes_nothing(run: Run, store: Store) -> None:
    before = held(store)

    result = run("plan", "--sandbox")

    assert result.code == 0
    assert result.out.splitlines()[-1] == "Plan: 0 to add, 7 to change, 0 to destroy."
    assert held(store) == before


@pytest.mark.usefixtures("example")
def test_after_an_apply_the_plan_is_empty(run: Run) -> None:
    applied = run("apply", "--sandbox", "--auto-approve")

    again = run("plan", "--sandbox", "--detailed-exitcode")

    assert applied.code == 0
    assert applied.out.splitlines()[-1] == (
        "Apply complete! Resources: 0 added, 7 changed, 0 destroyed."
    )
    assert again.code == 0
    assert again.out.splitlines()[-1] == NO_CHANGES


@pytest.mark.usefixtures("example")
def test_applying_the_same_plan_twice_writes_once(run: Run, store: Store) -> None:
    run("plan", "--sandbox", "--out", "plan.json")
    run("apply", "plan.json", "--sandbox")
    after_first = held(store)

    second = run("apply", "plan.json", "--sandbox")

    assert second.code == 0
    assert "7 already." in second.out
    assert "0 changed" in second.out.splitlines()[-1]
    assert held(store) == after_first


# Every record of some worlds has drifted: more than a run may rewrite unasked.
ALL = ("--allow", "max_change_percent=100")


def test_a_record_that_moved_since_the_plan_is_left_alone(run: Run, store: Store) -> None:
    manifest("mine")
    run("plan", "--sandbox", "--out", "plan.json")
    manifest("somebody else's")
    run("apply", "--sandbox", "--auto-approve")

    result = run("apply", "plan.json", "--sandbox")

    assert result.code == 5
    assert f"messages/{MESSAGE} stale: it was changed since the plan" in result.out
    assert user_data(store, f"messages/{MESSAGE}") == "somebody else's"


@pytest.mark.usefixtures("example")
def test_only_listed_records_and_only_their_user_data_are_touched(run: Run, store: Store) -> None:
    before = held(store)
    run("plan", "--sandbox", "--out", "plan.json")
    planned = json.loads(Path("plan.json").read_text())["resource_changes"]

    run("apply", "plan.json", "--sandbox")

    after = held(store)
    assert {address for address in after if after[address] != before[address]} == {
        change["address"] for change in planned
    }
    for change in planned:
        was, is_now = before[change["address"]], after[change["address"]]
        assert {name for name in was if was[name] != is_now[name]} == {"user_data", "date_changed"}
        assert is_now["user_data"] == change["change"]["after"]["user_data"]


@pytest.mark.usefixtures("example")
def test_applied_over_a_socket_the_example_changes_exactly_what_it_names(
    run: Run, serve: Serve
) -> None:
    server = serve()
    with Store(server.db) as store:
        before = held(store)
        run("plan", "--out", "plan.json")
        planned = json.loads(Path("plan.json").read_text())["resource_changes"]

        applied = run("apply", "plan.json")

        after = held(store)
    assert applied.code == 0, applied
    changed = {address for address in after if after[address] != before[address]}
    assert changed == {change["address"] for change in planned}
    assert len(changed) == 7
    assert run("plan").out.splitlines()[-1] == NO_CHANGES


@pytest.mark.usefixtures("example")
def test_a_target_leaves_every_other_record_alone(run: Run, store: Store) -> None:
    before = held(store)

    run("apply", "--sandbox", "--auto-approve", "--target", f"messages/{MESSAGE}")
    run("apply", "--sandbox", "--auto-approve", "--target", "manifests/campaigns/winter.yaml")
    run("apply", "--sandbox", "--auto-approve", "--target", "*/support/*", "--exclude", "*/cl*")

    after = held(store)
    assert {address for address in after if after[address] != before[address]} == {
        f"messages/{MESSAGE}",
        "messages/c7d0a3f2-88b4-4b0e-a1f6-3e9d52c6b704",
        "message_drs/0f0c1f3e-6a5e-4a3c-9d0e-1b5f2c9a7d11",
    }


@pytest.mark.usefixtures("folder")
def test_a_target_that_is_the_name_of_a_file_is_no_pattern(run: Run) -> None:
    for name, record in (("[prod].yaml", MESSAGE), ("p.yaml", OTHER_MESSAGE)):
        write(f"messages:\n  {record}: {{user_data: new}}\n", f"manifests/{name}")

    by_name = run("plan", "--sandbox", "--target", "manifests/[prod].yaml", "--format", "csv")
    by_pattern = run("plan", "--sandbox", "--target", "manifests/[opq].yaml", "--format", "csv")

    assert (MESSAGE in by_name.out, OTHER_MESSAGE in by_name.out) == (True, False)
    assert (MESSAGE in by_pattern.out, OTHER_MESSAGE in by_pattern.out) == (False, True)


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize(
    ("pattern", "why"), [("a\\", "is not a pattern"), ("a" * 1_001, "at most 1,000")]
)
def test_a_target_that_is_no_pattern_says_why(run: Run, pattern: str, why: str) -> None:
    result = run("plan", "--sandbox", "--target", pattern)

    assert result.code == 64
    assert result.err.startswith("error: a")
    assert why in result.err


@pytest.mark.usefixtures("example")
def test_a_target_that_matches_nothing_is_a_mistake_not_an_empty_plan(run: Run) -> None:
    result = run("plan", "--sandbox", "--target", "manifests/suport/**")

    assert result.code == 1
    assert "manifests/suport/**: matches no record" in result.err
    near = run("plan", "--sandbox", "--target", "manifests/campaign/winter.yml")
    assert "(did you mean `manifests/campaigns/winter.yaml`?)" in near.err


def test_an_apply_of_a_plan_that_is_not_whole_is_not_complete(run: Run, store: Store) -> None:
    write(f"messages: {{{MESSAGE}: {{user_data: x}}, {sid(1)}: {{user_data: x}}}}\n")

    result = run("apply", "--sandbox", "--auto-approve", "--report", "json=r.json")

    assert result.code == 4
    assert user_data(store, f"messages/{MESSAGE}") == "x"
    last = result.out.splitlines()[-1]
    assert last == "Apply incomplete! Resources: 0 added, 1 changed, 0 destroyed."
    assert "error: 1 record could not be read when this was planned" in result.err
    assert "could not be read" in json.loads(Path("r.json").read_text())["error"]


def test_a_sandbox_that_holds_other_records_says_how_to_fill_it(run: Run) -> None:
    write(f"messages: {{{sid(1)}: {{user_data: x}}}}\n")

    result = run("plan", "--sandbox")

    assert result.code == 4
    assert "reconciler sandbox seed --manifests manifests" in result.err
    assert run("sandbox", "seed", "--manifests", "manifests").code == 0
    assert run("plan", "--sandbox").code == 0


@pytest.mark.parametrize("method", ["patch", "put"])
def test_both_methods_change_user_data_and_nothing_else(
    run: Run, store: Store, method: str
) -> None:
    before = held(store)
    write(f"message_drs:\n  {DETAIL_RECORD}:\n    user_data: [1, 2.50, x]\n")

    result = run("apply", "--sandbox", "--auto-approve", "--method", method)

    was, is_now = (all_[f"message_drs/{DETAIL_RECORD}"] for all_ in (before, held(store)))
    assert result.code == 0
    assert is_now["user_data"] == '[1,2.50,"x"]'
    assert {name for name in was if was[name] != is_now[name]} == {"user_data", "date_changed"}


def test_put_sends_every_other_value_back_to_the_letter(run: Run, store: Store) -> None:
    body = (
        f'{{"message_sid":"{MISSING}","date_changed":"2024-01-01T00:00:00.000Z","price":0.010,'
        '"mcc":12345678901234567890.5,"new_field":{"b":1e2,"a":[1.0]},"user_data":null}'
    )
    store.add(MESSAGES, [(MISSING, body)])
    manifest("kept", sid=MISSING)

    result = run("apply", "--sandbox", "--auto-approve", "--method", "put")

    stored = store.get(MESSAGES, MISSING)
    assert result.code == 0
    assert stored is not None
    for untouched in ('"price":0.010', '"mcc":12345678901234567890.5', '{"b":1e2,"a":[1.0]}'):
        assert untouched in stored
    assert '"user_data":"kept"' in stored


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_the_text_of_a_manifest_is_stored_to_the_letter(store: Store, text: str) -> None:
    manifest(text)

    assert main(["apply", "--sandbox", "--auto-approve"]) == 0
    assert user_data(store, f"messages/{MESSAGE}") == text
    assert main(["plan", "--sandbox", "--detailed-exitcode"]) == 0


def test_a_live_text_with_the_same_json_in_another_layout_is_in_sync(run: Run) -> None:
    manifest('{"b": [1, 2],\n "a": null}')
    run("apply", "--sandbox", "--auto-approve")
    manifest({"a": None, "b": [1, 2]})

    result = run("plan", "--sandbox", "--detailed-exitcode")

    assert (result.code, result.out.splitlines()[-1]) == (0, NO_CHANGES)


def test_detailed_exitcode_is_2_if_and_only_if_changes_are_present(run: Run) -> None:
    manifest("updated_test_message")
    assert run("plan", "--sandbox", "--detailed-exitcode").code == 0
    manifest("another")
    assert run("plan", "--sandbox", "--detailed-exitcode").code == 2
    assert run("plan", "--sandbox").code == 0


def test_a_record_that_is_not_there_is_listed_and_the_rest_goes_on(run: Run) -> None:
    write(
        f"messages:\n  {MISSING}: {{user_data: x}}\n  {MESSAGE}: {{user_data: new}}\n",
    )

    result = run("apply", "--sandbox", "--auto-approve")

    assert result.code == 4
    assert f"! messages/{MISSING}\n      manifests/a.yaml:2  404 cannot find item" in result.out
    assert "1 record could not be read" in result.out
    assert "1 changed" in result.out


@pytest.mark.parametrize("answer", ["no", "", "YES", "yess"])
def test_only_yes_approves(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    before = held(store)
    manifest("another")
    monkeypatch.setattr("sys.stdin", StringIO(f"{answer}\n"))

    result = run("apply", "--sandbox")

    assert result.code == 1
    assert "Only 'yes' will be accepted to approve." in result.err
    assert "Apply cancelled" in result.err
    assert held(store) == before


def test_yes_approves(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest("another")
    monkeypatch.setattr("sys.stdin", StringIO("yes\n"))

    assert run("apply", "--sandbox").code == 0
    assert user_data(store, f"messages/{MESSAGE}") == "another"


def test_without_anybody_to_ask_nothing_is_written(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(store)
    manifest("another")
    monkeypatch.setattr("sys.stdin", StringIO())

    result = run("apply", "--sandbox")

    assert result.code == 1
    assert "use --auto-approve" in result.err
    assert held(store) == before


def test_ctrl_c_at_the_prompt_writes_nothing(store: Store) -> None:
    before = held(store)
    manifest("another")
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    while b"Enter a value" not in said:
        said += os.read(process.stderr.fileno(), 4096)

    process.send_signal(signal.SIGINT)

    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in rest
    assert held(store) == before


def test_a_reader_that_leaves_early_is_no_error_of_ours() -> None:
    many(2000)  # named one by one they are more than a pipe holds
    process = subprocess.run(
        f"{sys.executable} -m reconciler plan --sandbox --verbose | head -1; "
        "exit ${PIPESTATUS[0]}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 141
    assert process.stderr == ""


def test_a_token_that_may_only_read_can_plan_and_is_refused_by_apply(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    manifest("another")
    monkeypatch.setenv("CARRIERX_TOKEN", READ)

    assert run("plan", "--out", "plan.json", "--detailed-exitcode").code == 2
    result = run("apply", "plan.json")

    assert result.code == 1
    assert "refuses the token: 403 forbidden: the token needs sms.manage, or" in result.err
    with Store(server.db) as store:
        assert user_data(store, f"messages/{MESSAGE}") == "updated_test_message"


@pytest.mark.parametrize(
    ("token", "says"),
    [(NOTHING, "403 forbidden: the token needs sms.read"), ("unknown-token", "401 bad credent")],
)
def test_a_token_that_the_api_refuses_is_one_clear_error(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch, token: str, says: str
) -> None:
    serve()
    many(50)
    monkeypatch.setenv("CARRIERX_TOKEN", token)

    result = run("plan")

    assert result.code == 1
    assert says in result.err
    assert len(result.err.splitlines()) == 1
    assert result.out == ""


def test_a_page_of_html_is_no_answer(run: Run, serve: Serve) -> None:
    serve("--fault", "html=1")
    manifest("another")

    result = run("plan")

    assert result.code == 4
    assert "the answer is not JSON but text/html" in result.out


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ("500-after", "applied: read back after: 500"),
        ("cut", "applied: read back after: no whole answer"),
        ("html", "applied: read back after: 200 the answer is not JSON"),
    ],
)
def test_a_write_whose_answer_is_lost_is_read_back(
    run: Run, serve: Serve, lost: str, says: str
) -> None:
    spec = f"{lost}=0.5"
    seed = seed_of([False, False, True, False], spec)  # plan reads; apply reads, writes, reads back
    server = serve("--fault", spec, "--seed", str(seed))
    manifest("another")
    run("plan", "--out", "plan.json")

    result = run("apply", "plan.json")

    assert result.code == 0
    assert says in result.out
    with Store(server.db) as store:
        assert user_data(store, f"messages/{MESSAGE}") == "another"


@pytest.mark.slow
def test_a_write_that_nobody_can_vouch_for_is_unknown(run: Run, serve: Serve) -> None:
    spec = "500=0.5"
    seed = seed_of([False, False, True, False], spec)  # the write is lost before it is done
    serve("--fault", spec, "--seed", str(seed))
    manifest("another")
    run("plan", "--out", "plan.json")

    result = run("apply", "plan.json")

    assert result.code == 4
    assert "unknown: 500 fault; not there when read back" in result.out
    assert result.out.splitlines()[-1].startswith("Apply incomplete!")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_an_interrupted_apply_finishes_what_is_in_flight_and_says_what_is_left(
    run: Run, serve: Serve, number: signal.Signals, code: int
) -> None:
    server = serve("--latency-ms", "50")
    many(40)
    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests", "--drift", "1")
    run("plan", "--out", "plan.json")
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "plan.json", "--parallelism", "2", *ALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with Store(server.db) as store:
        while written(store) == 0:
            assert process.poll() is None

        process.send_signal(number)
        out, err = process.communicate(timeout=30)

        assert process.returncode == code
        assert f"{number.name}: starting no new write" in err
        assert f"{written(store)} applied, {40 - written(store)} skipped." in out
    assert run("apply", "plan.json", *ALL).code == 0
    assert run("plan", "--detailed-exitcode").code == 0


def written(store: Store) -> int:
    """How many of `many` hold what is wanted."""
    return sum(one["user_data"] == "x" for one in held(store).values())


def test_a_token_that_expired_since_the_plan_writes_nothing_and_is_an_error(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    manifest("another")
    run("plan", "--out", "plan.json")
    monkeypatch.setenv("CARRIERX_TOKEN", "expired-token")

    result = run("apply", "plan.json")

    assert result.code == 1
    assert "refuses the token: 401 bad credentials: nothing was written" in result.err
    with Store(server.db) as store:
        assert user_data(store, f"messages/{MESSAGE}") == "updated_test_message"


def test_an_address_where_nobody_answers_is_one_clear_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest("another")
    monkeypatch.setenv("CARRIERX_BASE_URL", "http://127.0.0.1:9/core/v2")
    monkeypatch.setenv("CARRIERX_TOKEN", "some-token")

    result = run("plan")

    assert result.code == 1
    assert result.err.startswith("error: cannot connect to http://127.0.0.1:9/core/v2")
    assert len(result.err.splitlines()) == 1


def test_the_sandbox_file_is_a_real_database(run: Run) -> None:
    manifest("another")
    run("apply", "--sandbox", "--auto-approve")

    with sqlite3.connect(".reconciler/sandbox.db") as database:
        (body,) = database.execute("SELECT body FROM messages WHERE sid = ?", (MESSAGE,)).fetchone()
    database.close()
    assert json.loads(body)["user_data"] == "another"
    assert OTHER_MESSAGE not in body


class Recorder(BaseHTTPRequestHandler):
    """A real server that holds one object and remembers what it was asked."""

    asked: ClassVar[list[tuple[str, bytes]]] = []
    held = json.dumps({"message_sid": MESSAGE, "price": "0.01", "user_data": "old"})

    def do_GET(self) -> None:
        self._answer(b"")

    def do_PUT(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    do_PATCH = do_PUT  # noqa: N815  the name that http.server calls

    def _answer(self, body: bytes) -> None:
        type(self).asked.append((self.command, body))
        if body:
            type(self).held = json.dumps(json.loads(self.held) | json.loads(body))
        data = self.held.encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest listens."""


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorder]]:
    class Fresh(Recorder):
        asked: ClassVar[list[tuple[str, bytes]]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Fresh) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("CARRIERX_BASE_URL", f"http://127.0.0.1:{server.server_port}/core/v2")
        monkeypatch.setenv("CARRIERX_TOKEN", "some-token")
        yield Fresh
        server.shutdown()


@pytest.mark.parametrize(
    ("flags", "settings_", "method"),
    [
        ([], "", "PATCH"),
        (["--method", "put"], "", "PUT"),
        ([], "write: {method: put}", "PUT"),
        (["--method", "patch"], "write: {method: put}", "PATCH"),
    ],
)
def test_the_method_is_the_one_that_was_asked_for(
    run: Run, recorder: type[Recorder], flags: list[str], settings_: str, method: str
) -> None:
    manifest("new")
    if settings_:
        write(settings_, "reconciler.yaml")

    assert run("apply", "--auto-approve", *flags).code == 0
    assert [asked for asked, _ in recorder.asked] == ["GET", "GET", method]
    whole = {"message_sid": MESSAGE, "price": "0.01", "user_data": "new"}
    expected = whole if method == "PUT" else {"user_data": "new"}
    assert json.loads(recorder.asked[-1][1]) == expected


def test_a_plan_that_tried_to_write_would_be_refused_by_its_client(
    run: Run, recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def writing(records: list[Record], transport: Transport, *_: object) -> None:
        for record in records:
            await transport.send(api.patch(record.address, "evil"))

    monkeypatch.setattr("reconciler.commands.plan_run.read", writing)
    manifest("new")

    assert run("plan").code == 70
    assert recorder.asked == []


def test_a_token_for_this_machine_is_never_sent_to_a_proxy(
    run: Run, recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest("old")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert run("plan").code == 0
    assert len(recorder.asked) == 1


def test_one_error_stops_the_rest_only_where_it_was_asked_to(run: Run, serve: Serve) -> None:
    server = serve("--user-data-max-chars", "5")
    seeded = ("sandbox", "seed", "--db", server.db, "--manifests", "manifests", "--drift", "1")
    texts = ["much too long", "x", "y"]
    rows = "".join(f"  {sid(n)}: {{user_data: {text}}}\n" for n, text in enumerate(texts))
    write(f"messages:\n{rows}")
    run(*seeded)
    stop = ("apply", "--auto-approve", "--on-error", "stop", "--parallelism", "1")

    stopped = run(*stop)
    assert stopped.code == 4
    assert "1 rejected, 2 skipped." in stopped.out
    assert "the maximum length is 5 characters" in stopped.out
    went_on = run("apply", "--auto-approve")
    assert went_on.code == 4
    assert "2 applied, 1 rejected." in went_on.out


@pytest.mark.parametrize("buffering", ["", "1"])
def test_nobody_listening_to_progress_stops_no_apply(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch, buffering: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", buffering)
    server = serve()
    many(30)
    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests", "--drift", "1")
    run("plan", "--out", "plan.json")
    code = (
        "import sys, reconciler.cli.terminal as t; t.SECONDS_BETWEEN_LINES = 0\n"
        "from reconciler.cli.main import main; sys.exit(main())"
    )

    process = subprocess.run(
        f"{sys.executable} -c '{code}' apply plan.json {' '.join(ALL)} 2> >(exec true)",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 0
    assert "30 changed" in process.stdout
    with Store(server.db) as store:
        assert written(store) == 30
