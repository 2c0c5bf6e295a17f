"""Faults that were seen in use, each with what is right instead."""

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run, Serve
from reconciler.errors import ReconcilerError
from reconciler.kinds import MESSAGES
from reconciler.model import Address, Change, Origin, Outcome, OutcomeName, Source
from reconciler.review.colours import Paint
from reconciler.review.text import apply_text
from reconciler.sandbox.list_query import BadQueryError, query
from reconciler.sandbox.store import Store
from reconciler.sandbox.tokens import MANAGE
from repository import commit, git
from writing import live, many, messages, sid, user_data, write

M = "manifests/a.yaml"
BROKEN = "messages:\n  x: {}\n"


# ---- names and paths


def test_no_page_or_message_installs_the_package_of_another_project() -> None:
    """The distribution is carrierx-reconciler; another project has the name `reconciler`."""
    listed = git("ls-files", folder=REPOSITORY).splitlines()
    for name in listed:
        path = REPOSITORY / name
        if path == Path(__file__):
            continue
        if path.suffix in (".md", ".py", ".yml", ".yaml", ".toml", ".sh", ".txt"):
            for line in path.read_text("utf-8").splitlines():
                others = line.replace("carrierx-reconciler", "")
                # An extra, as in pyproject.toml: pip would fetch the package of that name.
                assert not re.search(r"\breconciler\[[a-z]+\]", others), (name, line)
                assert not re.search(r"install (-\S+ )*['\"]?reconciler\b", others), (name, line)


@pytest.fixture
def inside_svc(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository."""
    git("init", "--quiet")
    (folder / "svc").mkdir()
    monkeypatch.chdir("svc")
    return folder


@pytest.mark.usefixtures("inside_svc")
def test_paths_for_machines_begin_at_the_top_of_the_repository(run: Run) -> None:
    write(BROKEN)

    github = run("validate", "--format", "github").out
    sarif = json.loads(run("validate", "--format", "sarif").out)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]

    assert "file=svc/manifests/a.yaml" in github
    assert place == {"uri": "svc/manifests/a.yaml", "uriBaseId": "%SRCROOT%"}
    assert "\nmanifests/a.yaml:2" in f"\n{run('validate').err}"


@pytest.mark.usefixtures("inside_svc")
def test_junit_names_files_from_the_top_of_the_repository(run: Run) -> None:
    write(messages({1: "x"}))

    assert 'file="svc/manifests/a.yaml"' in run("plan", "--sandbox", "--format", "junit").out


def test_the_command_to_run_next_works_where_the_user_stands(
    run: Run, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, {1: None})
    (folder / "svc dir").mkdir()
    (folder / ".reconciler").rename(folder / "svc dir/.reconciler")
    write(messages({1: "x"}), "svc dir/manifests/a.yaml")

    planned = run("--chdir", "svc dir", "plan", "--sandbox", "--out", "my plan.json")
    monkeypatch.chdir(folder)
    (line,) = (one for one in planned.err.splitlines() if one.startswith("Saved."))
    words = shlex.split(line.partition(": ")[2])

    assert words[0] == "reconciler"
    assert run(*words[1:]).code == 0


@pytest.mark.parametrize("name", ["-plan.json", "-out"])
def test_values_of_flags_are_never_rewritten(run: Run, store: Store, name: str) -> None:
    live(store, {1: None})
    write(messages({1: "x"}))

    assert run("plan", "--sandbox", "-out", name).code == 0

    assert Path(name).exists()
    assert not list(Path().glob("--*"))


# ---- targets


def test_many_targets_come_from_a_file(run: Run, store: Store) -> None:
    live(store, dict.fromkeys(range(5)))
    write(messages(dict.fromkeys(range(5), "x")))
    write(f"# two of them\nmessages/{sid(1)}\n\n  messages/{sid(3).upper()}  \n", "targets.txt")

    result = run("apply", "--sandbox", "--auto-approve", "--target-file", "targets.txt")

    held = [user_data(store, f"messages/{sid(number)}") for number in range(5)]
    assert held == [None, "x", None, "x", None]
    assert "Limited to --target-file targets.txt." in result.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no target"),
        ("# nothing\n", "names no target"),
        ("messages/nothing\n", "matches no record"),
        (None, "cannot be read"),
    ],
)
def test_a_file_of_targets_that_names_none_is_not_about_all_records(
    run: Run, text: str | None, says: str
) -> None:
    write(messages({1: "x"}))
    if text is not None:
        write(text, "targets.txt")

    result = run("plan", "--sandbox", "--target-file", "targets.txt")

    assert result.code == 1
    assert says in result.err


# ---- schemas


def schema(run: Run, text: str, value: object) -> str:
    write(text, "s.json")
    write(json.dumps({"messages": {sid(1): {"user_data": value}}}), "manifests/a.json")
    write("rules: [{paths: ['**'], user_data_schema: s.json}]\n", "reconciler.yaml")
    return run("validate").err


def test_a_keyword_that_does_nothing_is_warned_of_with_the_nearest(run: Run) -> None:
    said = schema(
        run, '{"propertys": {}, "x-own": 1, "$comment": "", "dependencies": {}}', {"a": "b"}
    )

    assert "s.json:1:1: warning: `propertys` is not a keyword of JSON Schema" in said
    assert "did you mean `properties`" in said
    assert "`dependencies`" in said
    assert "x-own" not in said


@pytest.mark.parametrize(
    ("rule", "text", "passes"),
    [
        ('{"properties": {"a": {"type": "integer"}}}', '{"a": 1.0}', True),
        ('{"properties": {"a": {"type": "integer"}}}', '{"a": 1.5}', False),
        ('{"properties": {"a": {"type": "integer"}}}', '{"a": true}', False),
        ('{"properties": {"a": {"const": 1}}}', '{"a": 1.0}', True),
        ('{"properties": {"a": {"const": 1}}}', '{"a": true}', False),
        ('{"properties": {"a": {"enum": [1]}}}', '{"a": 1.0}', True),
        ('{"properties": {"a": {"enum": [1]}}}', '{"a": true}', False),
        ('{"properties": {"a": {"uniqueItems": true}}}', '{"a": [1, 1.0]}', False),
        ('{"properties": {"a": {"uniqueItems": true}}}', '{"a": [1, true]}', True),
        ('{"properties": {"a": {"uniqueItems": true}}}', '{"a": [1, 1.0, true]}', False),
        ('{"properties": {"a": {"uniqueItems": true}}}', '{"a": [[1], [1.0]]}', False),
        ('{"properties": {"a": {"uniqueItems": true}}}', '{"a": [[1], [true]]}', True),
        ('{"properties": {"a": {"type": "number"}}}', '{"a": 1.0e400}', True),
    ],
)
def test_a_schema_compares_numbers_by_their_value(
    run: Run, rule: str, text: str, passes: bool
) -> None:
    write(rule, "s.json")
    write(f"messages:\n  {sid(1)}:\n    user_data: {text}\n")
    write("rules: [{paths: ['**'], user_data_schema: s.json}]\n", "reconciler.yaml")

    assert (run("validate").code == 0) is passes


# ---- environments


def test_a_zipped_installation_reads_a_manifest_that_is_cached(folder: Path) -> None:
    with zipfile.ZipFile(folder / "r.zip", "w") as archive:
        for path in (REPOSITORY / "reconciler").rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "schemas").glob("*.json"):
            archive.write(path, Path("reconciler/schemas", path.name))
    many(500)
    code = "import sys; sys.path.insert(0, 'r.zip'); from reconciler.cli.main import main; "
    script = f"{code}import reconciler; assert 'r.zip' in reconciler.__file__; sys.exit(main())"

    for arguments in (["validate"], ["validate"], ["schema", "plan"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_telemetry_that_is_not_installed_is_a_warning(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    write(messages({1: "x"}))

    result = run("plan", "--sandbox")

    assert result.code == 4  # the record is not in the sandbox
    assert "warning: OTEL_EXPORTER_OTLP_* is set, but OpenTelemetry is not installed" in result.err
    assert "pip install 'carrierx-reconciler[otel]'" in result.err


def test_several_paths_of_a_variable_are_parted_by_colons_and_may_hold_blanks(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(messages({1: "x"}), "a b/a.yaml")
    write(messages({2: "x"}), "c/a.yaml")
    monkeypatch.setenv("RECONCILER_MANIFESTS", "a b:c")

    assert run("validate").out == "Valid: 2 records in 2 files.\n"


def test_a_misspelt_variable_is_warned_of(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(messages({1: "x"}))
    monkeypatch.setenv("RECONCILER_FRMAT", "json")

    assert "did you mean `RECONCILER_FORMAT`" in run("validate").err


@pytest.mark.slow
def test_a_closed_stdout_is_an_error_and_nothing_is_written(store: Store) -> None:
    live(store, {1: None})
    write(messages({1: "x"}))
    tool = f"{shlex.quote(sys.executable)} -m reconciler"

    for command in ("plan --sandbox", "apply --sandbox --auto-approve", "validate"):
        done = subprocess.run(
            ["bash", "-c", f"{tool} {command} >&-"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, "stdout cannot be written" in done.stderr) == (1, True), command
    assert user_data(store, f"messages/{sid(1)}") is None


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["stdout", "stderr"])
def test_each_stream_decides_its_colour_by_itself(store: Store, kept: str) -> None:
    live(store, {1: None})
    write(messages({1: "x"}))
    write("rules: [{paths: [nothing], mode: merge}]\n", "reconciler.yaml")
    tool = f"{shlex.quote(sys.executable)} -m reconciler plan --sandbox"
    other = "2>other" if kept == "stdout" else ">other"
    # `script` gives the command a terminal.
    shown = subprocess.run(
        ["script", "-qec", f"{tool} {other}", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TERM": "xterm"},
    ).stdout

    assert "\x1b[" in shown
    assert "\x1b[" not in Path("other").read_text()


# ---- words


def test_many_outcomes_alike_are_one_line_with_their_number(store: Store) -> None:
    del store
    source = Source("m.yaml", 1, 1)
    changes = [
        Change(Address("messages", sid(n)), Origin.CHANGE, "a", "b", source) for n in range(1000)
    ]
    why = "the token was refused: 401 expired"
    outcomes = [Outcome(one, OutcomeName.FAILED, why) for one in changes[:580]]
    outcomes += [Outcome(one, OutcomeName.SKIPPED, "the API refuses it") for one in changes[580:]]

    short = list(apply_text.text(outcomes, Paint(on=False)))
    whole = list(apply_text.text(outcomes, Paint(on=False), verbose=True))

    assert short[:3] == [
        f"! 580 records failed: {why}",
        "! 420 records skipped: the API refuses it",
        "Run the same command again: it does the rest.",
    ]
    assert len(short) == 5
    assert len(whole) > 1000


def test_an_apply_names_its_journal_and_how_to_undo_it(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    write(messages({1: "b"}))

    applied = run("apply", "--sandbox", "--auto-approve")
    (line,) = (one for one in applied.err.splitlines() if one.startswith("Journal: "))
    undo = shlex.split(line.rpartition(": ")[2])
    rolled = run(*undo[1:])

    assert rolled.code == 0
    assert "the next apply of them writes these again" in rolled.err
    assert run("apply", "--sandbox", "back.json").code == 0
    assert user_data(store, f"messages/{sid(1)}") == "a"


def two_runs(run: Run, store: Store) -> list[Path]:
    live(store, {1: "a", 2: "a"})
    write(messages({1: "b", 2: "b"}))
    run("apply", "--sandbox", "--auto-approve")
    write(messages({1: "c", 2: "b"}))
    run("apply", "--sandbox", "--auto-approve")
    return sorted(Path(".reconciler/journal").glob("*.jsonl"))


def undone(run: Run, store: Store, *names: str | Path) -> list[object]:
    assert run("rollback", *names, "--sandbox", "--out", "back.json").code == 0
    run("apply", "--sandbox", "back.json")
    return [user_data(store, f"messages/{sid(number)}") for number in (1, 2)]


def test_a_folder_stands_for_its_newest_run(run: Run, store: Store) -> None:
    two_runs(run, store)

    assert undone(run, store, ".reconciler/journal") == ["b", "b"]


def test_several_runs_are_undone_together(run: Run, store: Store) -> None:
    assert undone(run, store, *reversed(two_runs(run, store))) == ["a", "a"]


def test_a_change_of_another_client_between_two_runs_is_not_lost(run: Run, store: Store) -> None:
    live(store, {1: "a", 2: "a"})
    write(messages({1: "b", 2: "b"}))
    run("apply", "--sandbox", "--auto-approve")
    live(store, {1: "theirs"})
    write(messages({1: "c", 2: "b"}))
    run("apply", "--sandbox", "--auto-approve")

    assert undone(run, store, *Path(".reconciler/journal").glob("*.jsonl")) == ["theirs", "a"]


def test_a_digest_stands_for_the_runs_of_its_plan(run: Run, store: Store) -> None:
    first, _ = two_runs(run, store)
    digest = json.loads(first.with_suffix(".json").read_text())["plan"]["digest"]

    assert undone(run, store, digest[:20]) == ["c", "a"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("{audit}", "is the audit record of a run; its journal is {journal}"),
        ("empty", "holds no journal"),
        ("sha256:123", "is too short"),
        ("nothing.jsonl", "cannot be read"),
    ],
)
def test_what_is_no_run_is_said_with_the_right_name(
    run: Run, store: Store, name: str, says: str
) -> None:
    journal, _ = two_runs(run, store)
    Path("empty").mkdir()
    names = {"audit": journal.with_suffix(".json"), "journal": journal}

    result = run("rollback", name.format(**names), "--sandbox")

    assert result.code == 1
    assert says.format(**names) in result.err


def test_a_misspelt_kind_does_not_hide_the_problems_of_its_records(run: Run) -> None:
    write(f"message:\n  {sid(1)}:\n    user_data: 5\n  x: {{}}\nmessages:\n  y: {{}}\n")

    found = run("validate").err

    assert [line.split(":")[1] for line in found.splitlines()[:-1]] == [
        "1",
        "3",
        "4",
        "4",
        "6",
        "6",
    ]


def test_a_token_file_that_cannot_be_read_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(messages({1: "x"}))
    monkeypatch.setenv("CARRIERX_TOKEN_FILE", "/nowhere/token")

    assert "/nowhere/token (CARRIERX_TOKEN_FILE): cannot be read" in run("plan").err


def test_a_token_that_is_rotated_during_a_run_is_read_again(
    run: Run, serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    many(3)
    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests")
    monkeypatch.delenv("CARRIERX_TOKEN")
    monkeypatch.setenv("CARRIERX_TOKEN_FILE", str(folder / "token"))
    (folder / "token").write_text("wrong-token-1")
    assert run("plan").code == 1

    (folder / "token").write_text(MANAGE)

    assert run("plan").code == 0


def test_concise_shows_the_values_where_all_agree(run: Run, store: Store) -> None:
    live(store, dict.fromkeys(range(40), '{"campaign":"winter"}'))
    write(messages({number: {"campaign": "spring"} for number in range(40)}))

    grouped = run("plan", "--sandbox").out
    concise = run("plan", "--sandbox", "--concise").out

    assert '40 records alike (G1)  ~ campaign: "winter" -> "spring"' in concise
    assert len(grouped.splitlines()) < 40


# ---- limits and signals


def test_an_interrupt_that_was_handled_does_not_end_the_process_by_a_signal() -> None:
    """CPython remembers an interrupt inside `exec` of a text, where imports are often stopped."""
    Path("interrupted.py").write_text(
        "import contextlib, sys\n"
        "from reconciler import __main__ as start\n"
        "from reconciler.cli import main\n"
        "def stopped():\n"
        "    with contextlib.suppress(KeyboardInterrupt):\n"
        "        exec('raise KeyboardInterrupt')\n"
        "    return 143\n"
        "main.main = stopped\n"
        "sys.exit(start.run())\n",
        "utf-8",
    )

    ended = subprocess.run([sys.executable, "-m", "interrupted"], check=False)

    assert ended.returncode == 143


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_ends_a_run_without_a_traceback(
    store: Store, number: signal.Signals
) -> None:
    live(store, {1: None})
    write(messages({1: "x"}))
    for moment in range(40):
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "plan", "--sandbox"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(moment / 60)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        # Before its first line Python has no handler yet: the signal itself ends the process.
        assert process.returncode in (0, 128 + number, -number), said
        if process.returncode != -number:
            assert not re.search("Traceback|Warning|Exception ignored|never awaited", said), said


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (MemoryError(), "ulimit -v"),
        (ImportError("x.so: failed to map segment from shared object"), "ulimit -v"),
    ],
)
def test_a_limit_of_the_system_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def short(*_: object) -> None:
        raise error

    write(messages({1: "x"}))
    monkeypatch.setattr("reconciler.manifests.loader.load", short)

    result = run("validate")

    assert result.code == 1
    assert says in result.err
    assert "internal error" not in result.err


def test_too_many_conditions_are_a_bad_request_and_no_fault_of_the_server() -> None:
    text = " and ".join(["status eq 1"] * 3_000)

    with pytest.raises(BadQueryError, match="more than 100 conditions"):
        query(MESSAGES, {"filter": text}, default_limit=10, max_limit=10)


def test_a_report_that_is_missing_leaves_the_apply_what_it_is(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, {1: None})
    commit({M: messages({1: "x"})})
    Path("reports").mkdir()

    def full(*_: object, **__: object) -> list[ReconcilerError]:
        return [ReconcilerError("result.json: cannot be written: No space left on device")]

    monkeypatch.setattr("reconciler.commands.report_files.write", full)
    result = run("apply", "--sandbox", "--auto-approve", "--report", "json=reports/result.json")

    assert "Apply complete! Resources: 0 added, 1 changed, 0 destroyed." in result.out
    assert "Every change of the plan is in place; only this report is missing." in result.err
    assert "Recorded" in result.err
    assert result.code == 1


# ---- warnings that are known, and runs that were killed


def test_a_warning_that_is_known_can_be_allowed_by_path(run: Run) -> None:
    write(f'messages:\n  {sid(1)}:\n    user_data: "a\\u200bb"\n', "manifests/adopted/a.yaml")
    write(f'messages:\n  {sid(2)}:\n    user_data: "a\\u200bb"\n', "manifests/b.yaml")
    assert run("validate").err.count("invisible-character") == 2

    write(
        "rules: [{paths: [manifests/adopted/**], allow: [invisible-character]}]\n",
        "reconciler.yaml",
    )

    said = run("validate").err
    assert said.count("invisible-character") == 1
    assert "manifests/b.yaml" in said


def test_recovery_writes_the_audit_record_of_the_run_that_was_killed(
    run: Run, store: Store
) -> None:
    live(store, {1: "a", 2: "a"})
    write(messages({1: "b", 2: "b"}))
    run("apply", "--sandbox", "--auto-approve")
    (journal,) = Path(".reconciler/journal").glob("*.jsonl")
    audit = journal.with_suffix(".json")
    whole = json.loads(audit.read_text())
    audit.unlink()
    # As kill -9 leaves it: without the last line, and without the outcome of the last record.
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-2]))

    result = run("apply", "--sandbox", "--auto-approve")

    assert result.code == 0
    written = json.loads(audit.read_text())
    for name in ("run", "method", "target", "journal"):
        assert written[name] == whole[name]
    assert written["plan"]["digest"] == whole["plan"]["digest"]
    assert written["summary"] == {"applied": 2}
    assert "it was killed" in written["error"]


# ---- the way on after a rollback, a choice, or a step to the wrong place


def test_after_a_rollback_the_revert_is_the_next_base(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    commit({M: messages({1: "a"})})
    run("apply", "--sandbox", "--auto-approve")
    commit({M: messages({1: "b"})})
    run("apply", "--sandbox", "--auto-approve")
    advised = run("rollback", ".reconciler/journal", "--sandbox", "--out", "back.json").err
    back = run("apply", "--sandbox", "back.json").err
    git("revert", "--no-edit", "HEAD")

    reverted = run("apply", "--sandbox", "--auto-approve")
    commit({M: messages({1: "c"})})
    plan = json.loads(run("plan", "--sandbox", "--format", "json").out)

    assert "and apply the revert" in advised
    assert "Not recorded: a rollback takes values of a commit back" in back
    assert "Recorded" in reverted.err
    assert [row["origin"] for row in plan["resource_changes"]] == ["change"]


def test_a_saved_plan_that_knows_the_recorded_commit_is_recorded(run: Run, store: Store) -> None:
    live(store, {1: "a", 2: "a"})
    commit({M: messages({1: "a", 2: "a"})})
    root = git("rev-parse", "HEAD")
    commit({M: messages({1: "b", 2: "a"})})
    run("apply", "--sandbox", "--auto-approve")
    git("checkout", "--quiet", root)
    commit({M: messages({1: "b", 2: "c"})})
    run("plan", "--sandbox", "--out", "plan.json")

    result = run("apply", "--sandbox", "plan.json")

    assert f"Recorded {git('rev-parse', 'HEAD')[:7]}" in result.err


@pytest.mark.parametrize("command", [["plan"], ["apply", "--auto-approve"]])
def test_a_live_value_that_was_chosen_is_kept_in_this_run_only(
    run: Run, store: Store, command: list[str]
) -> None:
    live(store, {1: "theirs"})
    commit({M: messages({1: "ours"})})

    result = run(*command, "--sandbox", "--resolve", f"messages/{sid(1)}=live")

    assert f"messages/{sid(1)} is kept in this run only" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "theirs"


def test_both_sides_for_one_record_are_an_error(run: Run) -> None:
    write(messages({1: "x"}))
    record = f"messages/{sid(1)}"

    result = run("plan", "--sandbox", "--resolve", f"{record}=git", "--resolve", f"{record}=live")

    assert result.code == 64
    assert "is given with both sides" in result.err


def test_a_rollback_says_which_records_it_leaves_alone(run: Run, store: Store) -> None:
    two_runs(run, store)
    live(store, {1: "theirs"})

    result = run("rollback", ".reconciler/journal", "--sandbox")

    assert f"another value came after that of the run: 1 record: messages/{sid(1)}" in result.err
    assert "Nothing to undo" in result.err


def test_a_run_is_found_by_its_name_alone(run: Run, store: Store) -> None:
    first, _ = two_runs(run, store)

    assert undone(run, store, first.name) == ["c", "a"]
    assert run("rollback", first.stem, "--sandbox").code == 0


def test_a_folder_of_environments_names_their_folders(run: Run, store: Store) -> None:
    (journal, _) = two_runs(run, store)
    (journal.parent / "prod").mkdir()
    for path in journal.parent.glob("*.jsonl"):
        path.rename(journal.parent / "prod" / path.name)

    result = run("rollback", ".reconciler/journal", "--sandbox")

    assert result.err == (
        "error: .reconciler/journal: holds no journal; name one of .reconciler/journal/prod\n"
    )


def test_a_run_without_env_names_the_environments(run: Run) -> None:
    Path("reconciler.yaml").write_text(
        "environments:\n  prod: {manifests: [prod]}\n  staging: {manifests: [staging]}\n", "utf-8"
    )

    for command in ("validate", "plan"):
        result = run(command)
        assert result.code == 64
        assert "environments only: name one: --env prod, --env staging" in result.err


@pytest.mark.usefixtures("inside_svc")
def test_below_manifests_without_settings_the_way_up_is_named(run: Run) -> None:
    Path("../manifests").mkdir()

    assert "but in ..: add --chdir .." in run("plan").err
