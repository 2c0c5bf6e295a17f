"""What hostile readers found once: each was a wrong write, a lost word or a crash."""

import json
import os
import shutil
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from conftest import Run, Serve
from reconciler.sandbox.store import Store
from reconciler.values.diff import differences
from reconciler.values.masking import Mask
from repository import commit, git
from writing import live, messages, sid, user_data, write

M = "manifests/a.yaml"
CLEAR = 'version: 1\nrules: [{paths: ["manifests/**"], removed: clear}]\n'
MERGE = 'version: 1\nrules: [{paths: ["manifests/**"], mode: merge}]\n'
SECRET = "canary-7f3a"


def holds(store: Store, number: int) -> object:
    return user_data(store, f"messages/{sid(number)}")


def addresses(run: Run, *arguments: str) -> list[int]:
    planned = json.loads(run("plan", "--sandbox", "--format", "json", *arguments).out)
    return [int(change["name"][:8], 16) for change in planned["resource_changes"]]


# ---- planning


@pytest.mark.parametrize("flag", ["--base", "--since"])
def test_a_record_that_moved_out_of_the_folder_that_is_named_did_not_leave_git(
    run: Run, store: Store, flag: str
) -> None:
    write(CLEAR, "reconciler.yaml")
    commit(
        {"manifests/a/a.yaml": messages({1: "x", 9: "k"}), "manifests/b/b.yaml": messages({2: "x"})}
    )
    write(messages({9: "k"}), "manifests/a/a.yaml")
    write(messages({1: "x", 2: "x"}), "manifests/b/b.yaml")
    live(store, {1: "x", 2: "x", 9: "k"})

    assert addresses(run, flag, "HEAD", "--manifests", "manifests/a") == []


def test_a_record_that_git_wanted_empty_and_somebody_filled_is_not_cleared_when_it_leaves(
    run: Run, store: Store
) -> None:
    write(CLEAR, "reconciler.yaml")
    commit({M: messages({1: None, 2: "k"})})
    write(messages({2: "k"}))
    live(store, {1: "somebody else's", 2: "k"})

    assert run("apply", "--sandbox", "--base", "HEAD", "--auto-approve").code == 3
    assert holds(store, 1) == "somebody else's"


@pytest.mark.parametrize(("held", "conflicts"), [("base", 0), ("since", 1)])
def test_a_released_record_is_judged_by_the_base_and_not_by_since(
    run: Run, store: Store, held: str, conflicts: int
) -> None:
    write(CLEAR, "reconciler.yaml")
    base = commit({M: messages({1: "base", 2: "k"})})
    since = commit({M: messages({1: "since", 2: "k"})})
    write(messages({2: "k"}))
    live(store, {1: held, 2: "k"})

    for flags in (("--base", base), ("--base", base, "--since", since)):
        planned = json.loads(run("plan", "--sandbox", "--format", "json", *flags).out)
        assert planned["summary"]["conflicts"] == conflicts, flags


def test_released_records_count_in_the_part_that_may_be_rewritten(run: Run, store: Store) -> None:
    write(CLEAR, "reconciler.yaml")
    commit({M: messages(dict.fromkeys(range(12), "x"))})
    write(messages(dict.fromkeys(range(3), "x")))
    live(store, dict.fromkeys(range(12), "x"))

    for flag in ("--base", "--since"):
        assert run("apply", "--sandbox", flag, "HEAD", "--auto-approve").code == 3
    assert "Checked 9 of 12 records" in run("plan", "--sandbox", "--since", "HEAD").out


@pytest.mark.parametrize(
    "text",
    [
        f'messages:\n  "{sid(1)[:8]}\\x2d{sid(1)[9:]}":\n    user_data: x\n',
        f"messages:\n  ? {sid(1)}\n  : {{user_data: x}}\n",
        json.dumps({"messages": {sid(1): {"user_data": "# no comment"}}}),
        f"messages: {{{sid(1).upper()}: {{user_data: x}}}}\n",
    ],
)
def test_a_record_is_found_and_counted_in_any_layout(run: Run, text: str) -> None:
    name = f"manifests/odd.{'json' if text.startswith('{') else 'yaml'}"
    commit({name: text, M: messages({2: "x"})})

    assert "Checked 0 of 2 records" in run("plan", "--sandbox", "--since", "HEAD").out
    write(messages({1: "other", 2: "x"}))
    result = run("plan", "--sandbox", "--since", "HEAD")
    assert result.code == 1
    assert "duplicate-address" in result.err


def test_keys_that_look_like_sids_are_no_records(run: Run) -> None:
    commit(
        {M: messages({1: {sid(n): "x" for n in range(50)}}), "manifests/b.yaml": messages({2: "x"})}
    )

    assert "Checked 0 of 2 records" in run("plan", "--sandbox", "--since", "HEAD").out


def test_text_that_is_canonical_json_is_equal_to_itself_alone(run: Run, store: Store) -> None:
    write(messages({1: '{"a":1}'}))
    live(store, {1: '{ "a": 1 }'})

    assert run("apply", "--sandbox", "--auto-approve").code == 0
    assert holds(store, 1) == '{"a":1}'
    assert run("plan", "--sandbox", "--detailed-exitcode").code == 0


def test_a_key_more_loses_nothing(run: Run, store: Store) -> None:
    write(MERGE, "reconciler.yaml")
    write(messages({number: {"a": "x"} for number in range(12)}))
    live(store, dict.fromkeys(range(12), '{"z":"theirs"}'))

    assert run("apply", "--sandbox", "--auto-approve").code == 0


def test_a_record_that_the_api_has_lost_needs_no_clearing(run: Run, store: Store) -> None:
    write(CLEAR, "reconciler.yaml")
    commit({M: messages({500: "x", 2: "k"})})
    write(messages({2: "k"}))
    live(store, {2: "k"})

    assert run("plan", "--sandbox", "--base", "HEAD").code == 0


@pytest.mark.parametrize("name", ["", "^HEAD"])
def test_a_revision_that_is_none_is_named(run: Run, name: str) -> None:
    commit({M: messages({1: "x"})})

    result = run("plan", "--sandbox", "--base", name)

    assert result.code == 1
    assert f"{name}: there is no such revision here" in result.err


def test_a_choice_for_a_record_of_no_manifest_is_a_mistake(run: Run) -> None:
    commit({M: messages({1: "x"})})

    result = run("plan", "--sandbox", "--base", "HEAD", "--resolve", f"messages/{sid(7)}=git")

    assert result.code == 1
    assert "is in no manifest" in result.err


@pytest.mark.parametrize("value", [".git", "{}/.git"])
def test_a_callers_own_git_folder_does_not_disturb(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    live(store, {1: "x"})
    commit({M: messages({1: "x"})})
    monkeypatch.setenv("GIT_DIR", value.format(Path.cwd()))

    planned = json.loads(run("plan", "--sandbox", "--base", "HEAD", "--format", "json").out)

    assert planned["source"]["base"] == planned["source"]["head"]


def test_a_name_at_the_base_that_is_not_utf_8_is_no_manifest(run: Run, store: Store) -> None:
    live(store, {1: "x"})
    write(messages({1: "x"}))
    odd = os.fsencode(Path.cwd()) + b"/manifests/\xff.yaml"
    Path(os.fsdecode(odd)).write_text(messages({2: "x"}))
    commit()
    Path(os.fsdecode(odd)).unlink()

    assert run("plan", "--sandbox", "--base", "HEAD", "--format", "json").code == 0


def test_manifests_that_are_named_twice_are_the_same_then_and_now(run: Run, store: Store) -> None:
    live(store, {1: "x"})
    commit({M: messages({1: "x"})})

    result = run("plan", "--sandbox", "--base", "HEAD", "--manifests", "manifests", "--manifests",
                 Path(M).absolute(), "--format", "json")  # fmt: skip

    assert "duplicate" not in result.err
    assert json.loads(result.out)["source"]["head"] == git("rev-parse", "HEAD")


# ---- saved plans


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"guards":[{', '"guards":[],"was":[{'),
        ('"limit":0', '"limit":9'),
        ('"base":null', '"base":"main"'),
        ('"records":2', '"records":9'),
        ('"head":null', '"head":"-d"'),
        ('"since":null', '"since":"\\u001b[31m"'),
    ],
)
def test_no_line_of_a_plan_but_meta_can_be_edited(
    run: Run, store: Store, old: str, new: str
) -> None:
    live(store, {1: "a", 2: "a"})
    write(messages({1: "b", 2: "b"}))
    run("plan", "--sandbox", "--out", "plan.json")
    text = Path("plan.json").read_text()
    assert old in text
    write(text.replace(old, new, 1), "plan.json")

    for command in (("apply", "--sandbox", "plan.json", "--record"), ("show", "plan.json")):
        result = run(*command)
        assert result.code == 1
        assert "\x1b" not in result.out + result.err
    assert holds(store, 1) == "a"


def test_what_is_left_of_an_approved_merge_is_written(run: Run, store: Store) -> None:
    write(MERGE, "reconciler.yaml")
    commit({M: messages({1: {"a": "1"}, 2: {"a": "1"}})})
    write(messages({1: {"a": "2"}, 2: {"a": "2"}}))
    live(store, dict.fromkeys((1, 2), '{"a":"1","z":"1"}'))
    run("plan", "--sandbox", "--base", "HEAD", "--out", "approved.json")
    live(store, {1: '{"a":"2","z":"1"}'})

    result = run("apply", "--sandbox", "--base", "HEAD", "--expect", "approved.json")

    assert result.code == 0
    assert holds(store, 2) == '{"a":"2","z":"1"}'


def test_what_is_left_out_of_an_approved_plan_is_named(run: Run, store: Store) -> None:
    commit({M: messages({1: "x", 2: "x"})})
    write(messages({1: "y", 2: "x"}))
    live(store, {1: "x", 2: "drifted"})
    run("plan", "--sandbox", "--base", "HEAD", "--out", "approved.json")

    result = run(
        "apply", "--sandbox", "--base", "HEAD", "--only", "change", "--expect", "approved.json"
    )

    assert result.code == 5
    assert f"\n  messages/{sid(2)}: was in the approved plan and is not in this one\n" in result.err


def test_only_what_is_whole_and_later_is_recorded(run: Run, store: Store) -> None:
    live(store, {1: "a", 2: "a"})
    commit({"manifests/a/a.yaml": messages({1: "b"}), "manifests/b/b.yaml": messages({2: "b"})})
    part = run("apply", "--sandbox", "--auto-approve", "--record", "--manifests", "manifests/a")
    run("plan", "--sandbox", "--out", "old.json")
    commit({"manifests/a/a.yaml": messages({1: "c"})})
    assert run("apply", "--sandbox", "--auto-approve", "--record").code == 0
    newest = git("rev-parse", "refs/reconciler/applied/sandbox.localhost")
    old = run("apply", "--sandbox", "old.json", "--record")

    assert "a part of the records was left out" in part.err
    assert "which was applied since" in old.err or old.code == 5
    assert git("rev-parse", "refs/reconciler/applied/sandbox.localhost") == newest


def test_that_nothing_can_be_recorded_is_no_failure(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    run("plan", "--sandbox", "--out", "plan.json")

    result = run("apply", "--sandbox", "plan.json", "--record")

    assert result.code == 0
    assert "Not recorded: " in result.err


# ---- what must not be shown


def secretive(*globs: str) -> None:
    schema = {"properties": {"token": {"writeOnly": True}}, "additionalProperties": True}
    write(json.dumps(schema), "schemas/secret.json")
    paths = json.dumps(globs or ("manifests/**",))
    write(
        f"rules: [{{paths: {paths}, user_data_schema: schemas/secret.json}}]\n", "reconciler.yaml"
    )


@pytest.mark.parametrize("number", ["1" * 5000, "1.0e9999999999999999999999"])
def test_a_live_value_that_no_schema_can_judge_is_masked(
    run: Run, store: Store, number: str
) -> None:
    secretive()
    write(messages({1: {"token": "x"}}))
    live(store, {1: f'{{"token":"{SECRET}","n":{number}}}'})

    result = run("plan", "--sandbox")

    assert result.code == 0
    assert SECRET not in result.out


@pytest.mark.parametrize("scalar", ["0123456", "+15551234567", "0xDEAD"])
def test_a_problem_does_not_quote_what_must_not_be_shown(run: Run, scalar: str) -> None:
    secretive()
    write(f"messages:\n  {sid(1)}:\n    user_data: {{token: {scalar}}}\n")

    for format_ in ("text", "json", "github", "sarif"):
        result = run("validate", "--format", format_)
        assert result.code == 1
        assert scalar not in result.out + result.err


def test_a_pull_request_cannot_show_what_its_base_hides(run: Run, store: Store) -> None:
    secretive()
    schema = Path("schemas/secret.json").read_text()
    config = Path("reconciler.yaml").read_text()
    first = {M: messages({1: {"token": "a", "n": 1}}), "reconciler.yaml": config}
    commit({**first, "schemas/secret.json": schema})
    live(store, {1: f'{{"n":1,"token":"{SECRET}"}}'})
    write(messages({1: {"token": "b", "n": 1}}))

    def lead_away() -> None:
        Path("schemas").rename("old")
        Path("schemas").symlink_to("manifests")

    for disarm in (
        lambda: write("{}", "schemas/secret.json"),
        lambda: write("version: 1\n", "reconciler.yaml"),
        lambda: Path("reconciler.yaml").unlink(),
        lead_away,
    ):
        disarm()
        for flag in ("--base", "--since"):
            result = run("plan", "--sandbox", flag, "HEAD", "--report", "html=p.html")
            assert result.code == 0
            assert SECRET not in result.out + Path("p.html").read_text()
            assert "(sensitive " in result.out


def _moved() -> None:
    git("mv", "manifests", "m2")
    write("manifests: [m2]\n", "reconciler.yaml")


def _of_a_later_version() -> None:
    write("version: 1\n", "reconciler.yaml")


HIDDEN_BY = {
    "schemas/secret.json": _moved,
    "schemas/secret.json\nfuture: 1": _of_a_later_version,
}


@pytest.mark.parametrize("config", HIDDEN_BY)
def test_nor_by_moving_what_it_hides_or_mending_how_it_says_so(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    git("init", "--quiet")
    Path("project").mkdir()
    shutil.move(".reconciler", "project/.reconciler")
    monkeypatch.chdir("project")
    name, _, more = config.partition("\n")
    rule = f'rules: [{{paths: ["manifests/**"], user_data_schema: {name}}}]\n{more}\n'
    write(rule, "reconciler.yaml")
    write('{"properties": {"token": {"writeOnly": true}}}', name)
    write(messages({1: {"token": "a", "n": 1}}), M)
    live(store, {1: f'{{"n":1,"token":"{SECRET}"}}'})
    git("add", "--all", "..")
    git("commit", "--quiet", "--message", "first")
    write(messages({1: {"token": "b", "n": 1}}), M)
    HIDDEN_BY[config]()
    git("add", "--all", "..")
    git("commit", "--quiet", "--message", "second")

    for flag in ("--base", "--since"):
        result = run("plan", "--sandbox", flag, "HEAD~1")
        assert result.code == 0, result.err
        assert SECRET not in result.out + result.err
        assert "(sensitive " in result.out


def test_a_stale_branch_shows_nothing_that_is_hidden_where_it_goes_to(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit({M: messages({1: {"token": "a"}})})
    live(store, {1: f'{{"token":"{SECRET}"}}'})
    old = git("rev-parse", "HEAD")
    secretive()
    commit({"README.md": "now something is hidden"})
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("checkout", "--quiet", "-B", "stale", old)
    commit({M: messages({1: {"token": "b"}})})

    for environment in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.setenv(environment, "main")
        result = run("plan", "--sandbox", "--since", old)
        assert SECRET not in result.out
        assert "(sensitive " in result.out
        monkeypatch.delenv(environment)


class Quoting(BaseHTTPRequestHandler):
    """An API that says what a record holds when it refuses to give it."""

    def do_GET(self) -> None:
        data = json.dumps({"message": f'user_data is damaged: {{"token":"{SECRET}"}}'}).encode()
        self.send_response(422)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest listens."""


def test_an_api_that_quotes_what_must_not_be_shown_is_not_quoted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    secretive()
    write(messages({1: {"n": 1}}))
    monkeypatch.setenv("CARRIERX_TOKEN", "some-token")
    with ThreadingHTTPServer(("127.0.0.1", 0), Quoting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("CARRIERX_BASE_URL", f"http://127.0.0.1:{server.server_port}/core/v2")
        said = run("plan", "--out", "plan.json")
        server.shutdown()

    assert said.code == 4
    assert SECRET not in said.out + said.err + Path("plan.json").read_text()
    assert "422 (message not shown: the record is sensitive)" in said.out


def test_a_problem_inside_what_must_not_be_shown_names_nothing_of_it(run: Run) -> None:
    deep = {"type": "object", "writeOnly": True, "additionalProperties": False}
    write(json.dumps({"properties": {"deep": deep}}), "schemas/secret.json")
    write(
        'rules: [{paths: ["manifests/**"], user_data_schema: schemas/secret.json}]\n',
        "reconciler.yaml",
    )
    write(messages({1: {"deep": {SECRET: 1}}}))

    for format_ in ("text", "json", "github", "sarif"):
        result = run("validate", "--format", format_)
        assert result.code == 1
        assert SECRET not in result.out + result.err
        assert "/deep: does not match the schema" in result.out + result.err


def test_a_record_that_leaves_a_secretive_file_keeps_its_secret(run: Run, store: Store) -> None:
    secretive("manifests/secret/**")
    commit({"manifests/secret/a.yaml": messages({1: {"token": f"{SECRET}-b"}, 2: {"n": "1"}})})
    write(messages({2: {"n": "1"}}), "manifests/secret/a.yaml")
    write(messages({1: {"token": f"{SECRET}-h"}}), "manifests/b.yaml")
    live(store, {1: f'{{"token":"{SECRET}-l"}}', 2: '{"n":"1"}'})

    for format_ in ("text", "json"):
        result = run("plan", "--sandbox", "--base", "HEAD", "--format", format_)
        assert SECRET not in result.out


def test_masking_takes_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        value = json.dumps({f"k{n}": "x" for n in range(count)})
        mask = Mask(tuple(f"/k{n}" for n in range(count)), b"key")
        started = time.process_time()
        differences(None, value, mask)
        return time.process_time() - started

    assert seconds(8000) < 20 * seconds(1000) + 0.1


# ---- applying


@pytest.mark.slow
def test_a_write_is_not_kept_waiting_behind_looks(run: Run, serve: Serve) -> None:
    server = serve()
    # So slow that no answer overtakes another, even on a busy machine: the log is in their order.
    write("write: {requests_per_second: 6, parallelism: 12}\n", "reconciler.yaml")
    write(messages(dict.fromkeys(range(12), "x")))
    with Store(server.db) as store:
        live(store, dict.fromkeys(range(12)))
    run("plan", "--out", "plan.json")

    result = run("apply", "plan.json", "--log-format", "json")

    order = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    looks = {one["path"]: n for n, one in enumerate(order) if one["method"] == "GET"}
    waits = [n - looks[one["path"]] for n, one in enumerate(order) if one["method"] == "PATCH"]
    assert len(waits) == 12
    assert max(waits) <= 2


@pytest.mark.slow
def test_when_nobody_reads_the_events_the_run_stops_and_the_report_is_true(
    run: Run, serve: Serve
) -> None:
    server = serve("--latency-ms", "100")
    write(messages(dict.fromkeys(range(40), "x")))
    with Store(server.db) as store:
        live(store, dict.fromkeys(range(40)))
    run("plan", "--out", "plan.json")
    command = f"{sys.executable} -m reconciler apply plan.json --format json --report json=r.json"

    subprocess.run(["bash", "-c", f"{command} | head -45 > /dev/null"], check=False, timeout=60)

    report = json.loads(Path("r.json").read_text())
    with Store(server.db) as store:
        written = sum(holds(store, n) == "x" for n in range(40))
    assert report["summary"]["applied"] == written > 0
    assert report["exit_code"] != 0


def test_a_record_that_no_put_can_send_back_is_one_failure() -> None:
    from reconciler.client.api import UnreadableError, put
    from reconciler.model import Address

    with pytest.raises(UnreadableError, match="not UTF-8"):
        put(Address("messages", sid(1)), "x", b'{"user_data":"y","body":"caf\xe9"}')


@pytest.mark.parametrize(
    "body",
    [
        f'{{"message_sid":"{sid(1)}","n":{"1" * 5000},"x":{{"user_data":1}},"user_data":"y"}}',
        f'{{"message_sid":"{sid(1)}","user\\u005fdata":"x","user_data":"y"}}',
    ],
)
def test_an_object_that_is_odd_is_no_crash(body: str) -> None:
    from reconciler.client import api
    from reconciler.client.transport import Response
    from reconciler.model import Address, Current

    response = Response(200, {"content-type": "application/json"}, body.encode())
    held = api.current(Address("messages", sid(1)), response)

    assert isinstance(held, Current) == ("u005f" not in body)


def test_a_report_tells_of_a_run_that_never_had_a_plan(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARRIERX_BASE_URL", "http://127.0.0.1:9/core/v2")
    monkeypatch.setenv("CARRIERX_TOKEN", "some-token")
    write(messages({1: "x"}))

    result = run("apply", "--auto-approve", "--report", "json=r.json", "--report", "text=r.txt")

    report = json.loads(Path("r.json").read_text())
    assert result.code == report["exit_code"] == 1
    assert (report["plan"], "cannot connect" in report["error"]) == (None, True)
    assert "error: " in Path("r.txt").read_text()


@pytest.mark.parametrize("variable", ["GITHUB_ACTOR", "LOGNAME"])
def test_a_name_that_is_not_utf_8_is_told_all_the_same(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    monkeypatch.setenv(variable, os.fsdecode(b"b\xffb"))

    assert run("apply", "--sandbox", "--auto-approve", "--report", "json=r.json").code == 0
    assert "b\\xffb" in json.loads(Path("r.json").read_text())["by"].values()


def test_a_report_overwrites_nothing_of_its_own_run(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    run("plan", "--sandbox", "--out", "plan.json")
    Path("loop").symlink_to("loop")

    for flags in (("json=plan.json",), ("json=r", "text=r"), ("json=loop",)):
        reports = [part for flag in flags for part in ("--report", flag)]
        assert run("apply", "--sandbox", "plan.json", *reports).code in (1, 64)
    assert holds(store, 1) == "a"


def test_what_is_no_journal_in_the_folder_is_named(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    Path(".reconciler/journal/x.jsonl").mkdir(parents=True)

    result = run("apply", "--sandbox", "--auto-approve")

    assert result.code == 1
    assert "x.jsonl: cannot be read" in result.err


def test_a_journal_may_be_kept_in_another_such_folder(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))
    folder = Path("elsewhere/.reconciler/journal").absolute()

    assert run("apply", "--sandbox", "--auto-approve", "--journal", folder).code == 0
    assert (folder.parent / ".gitignore").read_text() == "*\n"


def test_events_frame_a_run_that_has_nothing_to_do(run: Run, store: Store) -> None:
    live(store, {1: "b"})
    write(messages({1: "b"}))

    result = run("apply", "--sandbox", "--auto-approve", "--format", "json")

    assert [json.loads(line)["type"] for line in result.out.splitlines()] == [
        "version", "change_summary"
    ]  # fmt: skip


# ---- the second round


@pytest.mark.parametrize(
    "broken",
    [
        f'{{"messages": {{"{sid(1)}": {{"user_data": "x"}},}}}}',
        f"# was {sid(1)}\nmessages:\n  {sid(1)}: {{user_data: x, note: y}}\n",
        None,
    ],
)
@pytest.mark.parametrize("flag", ["--base", "--since"])
def test_what_may_be_in_a_broken_file_did_not_leave_git(
    run: Run, store: Store, flag: str, broken: str | None
) -> None:
    write(CLEAR, "reconciler.yaml")
    base = commit({"manifests/a/a.yaml": messages({1: "x", 9: "k"})})
    write(messages({9: "k"}), "manifests/a/a.yaml")
    if broken is None:
        os.mkfifo("manifests/b.json")
    else:
        write(broken, f"manifests/b.{'json' if broken.startswith('{') else 'yaml'}")
    live(store, {1: "x", 9: "k"})

    result = run("apply", "--sandbox", "--auto-approve", "--manifests", "manifests/a", flag, base)

    assert result.code == 0
    assert holds(store, 1) == "x"


def test_a_broken_file_that_did_not_change_is_named_where_a_record_may_be_in_it(
    run: Run, store: Store
) -> None:
    write(CLEAR, "reconciler.yaml")
    odd = f'messages:\n  {sid(1)}: {{user_data: "a\\tb", note: y}}\n'
    commit({"manifests/a.yaml": messages({1: "x", 9: "k"}), "manifests/b.yaml": odd})
    write(messages({9: "k"}), "manifests/a.yaml")
    live(store, {1: "x", 9: "k"})

    result = run("plan", "--sandbox", "--since", "HEAD")

    assert result.code == 1
    assert "manifests/b.yaml:2" in result.err


@pytest.mark.parametrize("flags", [("--base", "none"), ("--base", "HEAD")])
def test_what_left_git_is_not_recorded_as_applied_while_it_is_still_there(
    run: Run, store: Store, flags: tuple[str, ...]
) -> None:
    write('rules: [{paths: ["manifests/**"], mode: merge, removed: clear}]\n', "reconciler.yaml")
    live(store, {1: '{"a":"1","b":"2"}', 2: '{"c":"1"}'})
    first = commit({M: messages({1: {"a": "1", "b": "2"}, 2: {"c": "1"}})})
    assert "Recorded" in run("apply", "--sandbox", "--auto-approve", "--record").err
    commit({M: messages({1: {"a": "1"}})})

    early = run("apply", "--sandbox", "--auto-approve", "--record", *flags)
    assert "were not checked: leave out --base" in early.err
    assert git("rev-parse", "refs/reconciler/applied/sandbox.localhost") == first

    late = run("apply", "--sandbox", "--auto-approve")
    assert "Recorded" in late.err
    assert (holds(store, 1), holds(store, 2)) == ('{"a":"1"}', None)


@pytest.mark.slow
def test_a_reader_of_events_that_goes_at_once_stops_the_run(run: Run, serve: Serve) -> None:
    server = serve("--latency-ms", "20")
    write(messages(dict.fromkeys(range(300), "x")))
    with Store(server.db) as store:
        live(store, dict.fromkeys(range(300)))
    run("plan", "--out", "plan.json")
    command = f"{sys.executable} -m reconciler apply plan.json --format json --report json=r.json"

    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1 > /dev/null; exit ${{PIPESTATUS[0]}}"],
        check=False, timeout=60, capture_output=True, text=True,
    )  # fmt: skip

    report = json.loads(Path("r.json").read_text())
    assert "Traceback" not in done.stderr
    assert done.returncode == report["exit_code"] == 141
    with Store(server.db) as store:
        assert sum(holds(store, n) == "x" for n in range(300)) == report["summary"].get(
            "applied", 0
        )
    assert report["summary"]["skipped"] > 100


@pytest.mark.slow
def test_a_slow_reader_of_events_gets_them_all(run: Run, store: Store) -> None:
    live(store, dict.fromkeys(range(700)))
    write(messages(dict.fromkeys(range(700), "x")))
    run("plan", "--sandbox", "--out", "plan.json")
    read = "import sys, time\nprint(sum(time.sleep(0.003) or 1 for line in sys.stdin))"
    command = f"{sys.executable} -m reconciler apply plan.json --sandbox --format json"

    done = subprocess.run(
        ["bash", "-c", f"{command} | {sys.executable} -c '{read}'; exit ${{PIPESTATUS[0]}}"],
        check=True, timeout=100, capture_output=True, text=True,
    )  # fmt: skip

    assert int(done.stdout) == 3 + 3 * 700


def test_a_colon_in_a_files_name_shows_no_secret(run: Run) -> None:
    secretive()
    write(f"messages:\n  {sid(1)}:\n    user_data: {{token: 0123456789}}\n", "manifests/a:b.yaml")

    assert "0123456789" not in run("validate").err
    commit()
    write(messages({1: {"token": "x"}}), "manifests/a:b.yaml")
    assert "0123456789" not in run("plan", "--sandbox", "--base", "HEAD").err


def test_a_report_tells_of_a_run_that_had_to_wait_for_another(run: Run, store: Store) -> None:
    from reconciler.applying.journal_lock import lock_folder

    live(store, {1: "a"})
    write(messages({1: "b"}))
    write("{}", "r.json")

    with lock_folder(Path(".reconciler/journal")):
        result = run("apply", "--sandbox", "--auto-approve", "--report", "json=r.json")

    report = json.loads(Path("r.json").read_text())
    assert result.code == report["exit_code"] == 1
    assert "another apply is running" in report["error"]


@pytest.mark.slow
def test_a_report_of_a_run_that_was_ended_while_it_planned_has_its_code(serve: Serve) -> None:
    serve("--latency-ms", "5000")
    write(messages({1: "x"}))
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--report", "json=r.json"],
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.5)
    process.terminate()
    process.communicate(timeout=30)

    assert process.returncode == json.loads(Path("r.json").read_text())["exit_code"] == 143


def test_an_approved_value_that_the_api_laid_out_anew_is_in_place(run: Run, store: Store) -> None:
    commit({M: messages({1: {"a": "1"}, 2: {"a": "1"}})})
    write(messages({1: {"a": "2"}, 2: {"a": "2"}}))
    live(store, dict.fromkeys((1, 2), '{"a":"1"}'))
    run("plan", "--sandbox", "--since", "HEAD", "--out", "approved.json")
    digest = json.loads(Path("approved.json").read_text())["digest"]

    for expected in ("approved.json", digest):
        live(store, {1: '{"a": "2"}', 2: '{"a":"1"}'})
        assert run("apply", "--sandbox", "--since", "HEAD", "--expect", expected).code == 0


def test_a_record_that_is_gone_after_a_crash_is_told_once(run: Run, store: Store) -> None:
    from msgspec import structs

    from reconciler.applying.journal_format import Intent, RunStarted, line_of
    from reconciler.model import Source

    live(store, {1: "a"})
    write(messages({1: "b"}))
    url = "http://sandbox.localhost/core/v2"
    begun = RunStarted("r", 1, "0", "sha256:0", url, "patch", "h", 1, "2026-01-01T00:00:00Z", seq=1)
    intent = Intent(f"messages/{sid(777)}", None, "x", 1, Source("m", 1, 1), seq=2)
    other = structs.replace(begun, base_url="https://elsewhere")
    folder = Path(".reconciler/journal")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.jsonl").write_bytes(line_of(begun) + line_of(intent) + b'{"torn')
    (folder / "b.jsonl").write_bytes(line_of(other) + line_of(intent))

    first = run("apply", "--sandbox", "--auto-approve")
    second = run("apply", "--sandbox", "--auto-approve")

    assert f"  messages/{sid(777)}: is gone" in first.err
    assert first.err.count("stopped without a final report") == 1
    assert "stopped without a final report" not in second.err


def test_an_object_that_nests_too_deeply_is_one_failure() -> None:
    from reconciler.client.api import UnreadableError, put
    from reconciler.model import Address

    body = b'{"x":' + b"[" * 995 + b"]" * 995 + b',"user_data":"y"}'
    with pytest.raises(UnreadableError):
        put(Address("messages", sid(1)), "z", body)


def test_no_report_overwrites_the_plan_or_another_report_through_a_link(
    run: Run, store: Store
) -> None:
    write(messages({1: "new"}))
    live(store, {1: "old"})
    Path("link.json").symlink_to("plan.json")
    Path("d").mkdir()

    result = run("plan", "--sandbox", "--out", "plan.json", "--report", "markdown=link.json")
    assert (result.code, Path("plan.json").exists()) == (1, False)
    twice = ("--report", "html=x.html", "--report", "csv=d/../x.html")
    assert run("plan", "--sandbox", *twice).code == 64


def test_a_summary_leaves_room_for_what_the_step_said_before(run: Run, store: Store) -> None:
    write(messages(dict.fromkeys(range(1, 400), "new")))
    live(store, dict.fromkeys(range(1, 400), "old"))
    before = "x" * 890_000
    Path("summary.md").write_text(before, "utf-8")

    assert run("plan", "--sandbox", "--report", "github=summary.md").code == 0

    text = Path("summary.md").read_text("utf-8")
    assert text.startswith(before)
    assert "399 of 399 records would change" in text
    assert len(text.encode()) <= 900 * 1024


def test_short_names_beside_a_long_one_do_not_blow_up_a_report(run: Run, store: Store) -> None:
    keys = {f"k{number}": number for number in range(2_000)} | {"k" * 900: 1}
    write(messages({1: keys}))
    live(store, {1: None})

    assert run("plan", "--sandbox", "--report", "junit=plan.xml").code == 0

    assert Path("plan.xml").stat().st_size < 300_000


@pytest.mark.parametrize(
    "flags",
    [
        ("--report", "html=manifests/a.yaml"),
        ("--report", "jsonl=manifests/new.json"),
        ("--report", "json=reconciler.yaml"),
        ("--report", "junit=.reconciler/sandbox.db"),
        ("--report", "text=schemas/s.json"),
        ("--out", "manifests/a.yaml"),
    ],
)
def test_nothing_is_written_over_what_a_plan_is_made_of(
    run: Run, store: Store, flags: tuple[str, str]
) -> None:
    write(messages({1: "new"}))
    write("{}", "schemas/s.json")
    rule = "{paths: ['manifests/**'], user_data_schema: schemas/s.json}"
    write(f"version: 1\nrules: [{rule}]\n", "reconciler.yaml")
    live(store, {1: "old"})

    result = run("plan", "--sandbox", *flags)

    assert result.code == 64
    assert "is an input of the plan" in result.err
    assert run("validate").code == 0


@pytest.mark.slow
def test_machines_get_utf_8_whatever_the_locale(store: Store) -> None:
    write(messages({1: "café – €"}))
    live(store, {1: "old"})
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "RECONCILER_SANDBOX": "1"}
    for name in ("json", "jsonl", "csv", "junit", "markdown", "html"):
        command = [sys.executable, "-m", "reconciler", "plan", "--format", name]
        command += ["--report", f"{name}=file"]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        made, shown = Path("file").read_bytes(), done.stdout
        assert "café".encode() in shown
        if name not in {"json", "jsonl", "html", "markdown"}:  # those say when they were made
            assert shown == made


def test_reports_are_written_though_nobody_reads_stdout(store: Store) -> None:
    write(messages(dict.fromkeys(range(1, 200), "x" * 2000)))
    live(store, dict.fromkeys(range(1, 200), "old"))
    command = (
        f"{sys.executable} -m reconciler plan --sandbox --verbose --report csv=r.csv | head -1"
    )

    subprocess.run(["bash", "-c", command], check=True, capture_output=True)

    assert len(Path("r.csv").read_text("utf-8").splitlines()) == 200


def test_a_report_that_cannot_be_written_keeps_no_other_from_it(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(messages({1: "new"}))
    live(store, {1: "old"})
    monkeypatch.setenv("GITHUB_OUTPUT", "outputs")
    Path("outputs").write_text("foo=bar", "utf-8")
    Path("summary.md").write_text("## Title", "utf-8")

    full = ("--report", "github=/dev/full") if os.getuid() else ()
    result = run("plan", "--sandbox", *full, "--report", "github=summary.md")

    assert result.code == 0
    assert Path("outputs").read_text("utf-8").startswith("foo=bar\nchanges=1\n")
    assert Path("summary.md").read_text("utf-8").startswith("## Title\n### user_data plan")


def test_a_summary_that_is_full_is_no_reason_to_fail(run: Run, store: Store) -> None:
    write(messages({1: "new"}))
    live(store, {1: "old"})
    Path("summary.md").write_text("x" * 1_000_000, "utf-8")

    assert run("plan", "--sandbox", "--report", "github=summary.md").code == 0

    assert "1 of 1 record would change (100 %)" in Path("summary.md").read_text("utf-8")


def test_a_flag_goes_before_what_the_environment_says_for_all(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(messages({1: "new"}))
    live(store, {1: "old"})
    monkeypatch.setenv("RECONCILER_VERBOSE", "1")
    monkeypatch.setenv("RECONCILER_DIFF", "1")

    assert "  ~ messages/" in run("plan", "--sandbox", "--concise", "--out", "p.json").out
    assert run("show", "p.json").code == 0


def test_a_target_that_is_no_utf_8_is_refused_where_it_stands(run: Run) -> None:
    write(messages({1: "new"}))

    result = run("plan", "--sandbox", "--target", "[!\udcff]*", "--out", "p.json")

    assert result.code == 64
    assert "is not UTF-8" in result.err
