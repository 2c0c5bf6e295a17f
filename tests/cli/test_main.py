"""The command line itself: help, start-up, exit codes, where words go."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run, Serve
from reconciler import __version__
from reconciler.cli.main import main
from writing import MESSAGE, manifest, many, seed_of, write

COMMANDS = [
    "validate",
    "plan",
    "apply",
    "show",
    "fmt",
    "schema",
    "sandbox serve",
    "sandbox seed",
    "sandbox reset",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(run: Run, command: str) -> None:
    result = run(*command.split(), "--help")

    assert result.code == 0
    assert "--chdir" in result.out
    if command != "sandbox reset":
        assert f"reconciler {command}" in result.out.partition("Examples:")[2]


def test_help_fits_eighty_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in COMMANDS:
        assert max(map(len, run(*command.split(), "--help").out.splitlines())) <= 80


def test_the_version_is_said(run: Run) -> None:
    assert run("--version").out == f"reconciler {__version__}\n"


def imported(*arguments: str) -> set[str]:
    """The top-level modules that a command line imports."""
    code = (
        "import sys\nfrom reconciler.cli.main import main\n"
        f"main({list(arguments)!r})\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(process.stderr.split())


@pytest.mark.usefixtures("unmeasured")
def test_help_imports_nothing_heavy() -> None:
    heavy = {"httpx", "yaml", "jsonschema", "deepdiff", "rich", "starlette", "uvicorn", "asyncio"}

    assert not heavy & imported("--help")
    assert not heavy & imported("plan", "--help")


@pytest.mark.usefixtures("unmeasured")
def test_validate_needs_no_client_and_no_token() -> None:
    manifest("x")

    assert not {"httpx", "asyncio", "deepdiff", "rich", "starlette", "socket"} & imported(
        "validate", str(REPOSITORY / "manifests")
    )


@pytest.mark.usefixtures("unmeasured")
def test_a_plan_without_changes_does_not_wait_for_deepdiff() -> None:
    manifest("updated_test_message")

    assert "deepdiff" not in imported("plan", "--sandbox")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bogus"],
        ["bogus"],
        ["plan", "--bogus"],
        ["plan", "--format", "xml"],
        ["plan", "--parallelism", "0"],
        ["plan", "extra"],
        ["apply", "--method", "post"],
        ["apply", "plan.json", "--target", "x"],
        ["apply", "plan.json", "--manifests", "x"],
        ["show"],
        ["plan", "--chdir", "nowhere"],
        ["sandbox", "serve", "--fault", "nonsense"],
        [],
    ],
)
def test_a_bad_flag_is_64_and_never_looks_like_changes(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.code == 64
    assert result.out == ""
    assert result.err


def test_terraforms_single_dash_is_accepted(run: Run) -> None:
    manifest("new")

    result = run("plan", "-sandbox", "-detailed-exitcode", "-out=plan.json")

    assert result.code == 2
    assert Path("plan.json").exists()


def test_every_flag_can_come_from_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"messages:\n  {MESSAGE}:\n    user_data: new\n", "elsewhere/records/x.yaml")
    for name, value in {
        "SANDBOX": "1",
        "DETAILED_EXITCODE": "1",
        "MANIFESTS": "records",
        "OUT": "plan.json",
        "CHDIR": "elsewhere",
        "FORMAT": "json",
    }.items():
        monkeypatch.setenv(f"RECONCILER_{name}", value)

    result = run("plan")

    assert result.code == 2
    assert json.loads(result.out) == json.loads(Path("plan.json").read_text())
    assert Path.cwd().name == "elsewhere"


def test_a_bad_value_of_the_environment_names_its_variable(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_FORMAT", "markdown")

    assert "The value comes from the environment variable RECONCILER_FORMAT." in run("validate").err
    assert "RECONCILER_FORMAT" not in run("validate", "--format", "markdown").err


def test_a_misspelt_variable_is_told_and_somebody_elses_is_not(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TARGTE", "x")
    monkeypatch.setenv("RECONCILER_4F2", "x")
    monkeypatch.setenv("RECONCILER_CHDIR", ".")

    err = run("validate").err

    assert (
        "RECONCILER_TARGTE is not the variable of a flag (did you mean `RECONCILER_TARGET`?)" in err
    )
    assert "RECONCILER_4F2" not in err
    assert "RECONCILER_CHDIR" not in err


def test_a_variable_of_a_flag_that_has_none_does_nothing_and_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest("new")
    monkeypatch.setenv("RECONCILER_DIFF", "1")

    assert "RECONCILER_DIFF has no effect: --diff can only be set on the command" in run("fmt").err


def test_a_dash_is_no_file(run: Run) -> None:
    manifest("new")

    for flags in (("--out", "-"), ("--report", "csv=-")):
        result = run("plan", "--sandbox", *flags)
        assert result.code == 1
        assert "-: is not a file" in result.err
    assert not Path("-").exists()


def test_a_flag_goes_before_the_file_and_the_file_before_the_default(run: Run) -> None:
    write("manifests: [b]\n", "reconciler.yaml")
    write(f"messages:\n  {MESSAGE}:\n    user_data: from b\n", "b/x.yaml")
    write(f"messages:\n  {MESSAGE}:\n    user_data: from c\n", "c/x.yaml")

    assert "from b" in run("plan", "--sandbox").out
    assert "from c" in run("plan", "--sandbox", "--manifests", "c").out


def test_stdout_carries_the_document_and_nothing_else(run: Run) -> None:
    manifest("new")

    result = run("plan", "--sandbox", "--format", "json", "--out", "plan.json")

    assert json.loads(result.out)["summary"]["change"] == 1
    assert result.out == Path("plan.json").read_text()
    assert result.err == "Saved. To apply exactly this plan: reconciler apply --sandbox plan.json\n"


def test_a_saved_plan_is_private_and_replaces_the_old_one_whole(run: Run) -> None:
    manifest("new")
    write("old", "plan.json").chmod(0o644)

    run("plan", "--sandbox", "--out", "plan.json")

    assert Path("plan.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in Path().iterdir() if "plan" in path.name] == ["plan.json"]


@pytest.mark.parametrize("out", ["nowhere/plan.json", "folder"])
def test_a_plan_that_cannot_be_saved_is_refused_before_any_request(run: Run, out: str) -> None:
    manifest("new")
    Path("folder").mkdir()

    result = run("plan", "--sandbox", "--out", out)

    assert result.code == 1
    assert result.err.startswith(f"error: {out}: ")
    assert not Path(".reconciler").exists()


def test_show_prints_what_plan_printed(run: Run) -> None:
    manifest({"a": [1, 2]})
    planned = run("plan", "--sandbox", "--out", "plan.json")

    assert run("show", "plan.json").out == planned.out
    assert run("show", "plan.json", "--format", "json").out == Path("plan.json").read_text()


def test_a_plan_made_for_another_api_is_refused_by_name(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest("new")
    run("plan", "--sandbox", "--out", "plan.json")
    monkeypatch.setenv("CARRIERX_TOKEN", "some-token")

    result = run("apply", "plan.json")

    assert result.code == 1
    assert result.err == (
        "error: plan.json: was made for http://sandbox.localhost/core/v2, but this run uses "
        "https://api.carrierx.com/core/v2: use --sandbox\n"
    )


@pytest.mark.parametrize("command", ["apply", "show"])
def test_a_plan_that_is_not_there_is_one_clear_error(run: Run, command: str) -> None:
    extra = ["--sandbox"] if command == "apply" else []

    result = run(command, "nowhere.json", *extra)

    assert result.code == 1
    assert result.err == "error: nowhere.json: cannot be read: No such file or directory\n"


def test_problems_go_to_stderr_with_their_count(run: Run) -> None:
    write("messages:\n  x: {user_data: 1}\n")

    for arguments in (["validate"], ["plan", "--sandbox"]):
        result = run(*arguments)
        assert result.code == 1
        assert result.out == ""
        assert result.err.splitlines()[0].startswith(
            "manifests/a.yaml:2:3: error: `x` is not a SID"
        )
        assert result.err.splitlines()[-1] == "2 problems found."


def test_validate_says_what_it_checked(run: Run) -> None:
    manifest("x")

    assert run("validate") == (0, "Valid: 1 record in 1 file.\n", "")
    checked = json.loads(run("validate", "--format", "json").out)
    assert checked == {"valid": True, "files": 1, "records": 1, "problems": []}
    write("messages: 1\n", "manifests/b.yaml")
    assert json.loads(run("validate", "--format", "json").out)["valid"] is False
    assert run("validate", "manifests/a.json").code == 0


def test_colour_is_for_terminals_and_those_who_ask(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest("new")
    assert "\x1b[" not in run("plan", "--sandbox").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("plan", "--sandbox").out
    assert "\x1b[" not in run("plan", "--sandbox", "--no-color").out
    assert "\x1b[" not in run("--no-color", "plan", "--sandbox").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("plan", "--sandbox").out


def test_a_bug_of_ours_is_70_with_its_trace_in_a_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.chdir", fail)

    result = run("--chdir", ".", "validate")

    assert result.code == 70
    (log,) = tmp_path.glob("reconciler-*.log")
    assert str(log) in result.err
    assert "RuntimeError: surprise" in log.read_text()


def test_a_narrow_encoding_gets_escapes_instead_of_an_error() -> None:
    manifest("größe")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    process = subprocess.run(
        [sys.executable, "-m", "reconciler", "plan", "--sandbox"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )

    assert '"gr\\xf6\\xdfe"' in process.stdout


def test_a_plan_is_the_same_bytes_whatever_the_locale_and_the_hash_seed() -> None:
    manifest({"b": "ä", "a": 1})
    outputs = set()
    for variables in (
        {"LANG": "C", "PYTHONHASHSEED": "1"},
        {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"},
    ):
        command = [sys.executable, "-m", "reconciler", "plan", "--sandbox", "--format", "json"]
        environment = {**os.environ, **variables, "PYTHONUTF8": "1"}
        done = subprocess.run(command, capture_output=True, env=environment, check=True)
        outputs.add(b"".join(line for line in done.stdout.splitlines() if b'"meta"' not in line))

    assert len(outputs) == 1


def test_seed_and_reset_fill_the_store_that_sandbox_uses(run: Run) -> None:
    assert run("sandbox", "seed", "--records", "20", "--drift", "0.5", "--out", "big").code == 0
    planned = json.loads(run("plan", "--sandbox", "--manifests", "big", "--format", "json").out)
    assert planned["summary"]["managed"] == 40
    assert 5 < planned["summary"]["set"] + planned["summary"]["change"] < 35
    assert planned["complete"]

    assert "holds the 9 example records again" in run("sandbox", "reset").out
    again = json.loads(run("plan", "--sandbox", "--manifests", "big", "--format", "json").out)
    assert again["summary"]["unreadable"] == 40


def test_manifests_that_cannot_be_written_are_told_before_the_store_is_filled(run: Run) -> None:
    Path("taken").touch()

    result = run("sandbox", "seed", "--records", "2", "--out", "taken/x")
    assert (result.code, result.err) == (1, "error: taken/x: cannot be created: Not a directory\n")
    assert run("sandbox", "seed", "--out", "big").code == 64
    assert not Path(".reconciler").exists()


def test_a_store_can_be_seeded_for_given_manifests(run: Run) -> None:
    manifest({"a": 1})

    assert run("sandbox", "seed", "--manifests", "manifests").out.endswith(": 1.\n")
    assert run("plan", "--sandbox", "--detailed-exitcode").code == 0
    run("sandbox", "seed", "--manifests", "manifests", "--drift", "1")
    assert run("plan", "--sandbox", "--detailed-exitcode").code == 2


def test_a_port_that_is_taken_is_one_clear_error(run: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("sandbox", "serve", "--port", str(port))

    assert result.code == 1
    assert result.err == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_main_reads_the_process_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["reconciler", "--version"])

    assert main() == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["--target", "--exclude"])
def test_an_empty_target_is_a_mistake_not_everything(run: Run, flag: str) -> None:
    manifest("x")

    result = run("plan", "--sandbox", flag, "")

    assert result.code == 64
    assert "would match every record" in result.err


def test_a_tree_without_records_is_a_mistake_not_an_empty_plan(run: Run) -> None:
    write("messages: {}\n")
    Path("empty").mkdir()

    for arguments in (["plan", "--sandbox"], ["validate"], ["validate", "empty"]):
        result = run(*arguments)
        assert result.code == 1
        assert "no records are in" in result.err or "holds no records" in result.err
    manifest("x")
    write(f"messages:\n  {MESSAGE[:-1]}0: {{user_data: x}}\n")
    assert run("plan", "--sandbox", "--exclude", "*").err.startswith("error: --target and --excl")


@pytest.mark.parametrize(
    "spelling", ["manifests/a.json", "./manifests/a.json", "manifests/*", "{}/manifests"]
)
def test_a_target_is_a_file_however_it_is_spelled(run: Run, folder: Path, spelling: str) -> None:
    manifest("x")

    assert run("plan", "--sandbox", "--target", spelling.format(folder)).code == 0


def test_a_file_that_is_named_twice_is_read_once(run: Run) -> None:
    path = manifest("x")

    assert run("validate", "manifests", path, f"./{path}").out == "Valid: 1 record in 1 file.\n"


def test_out_replaces_only_regular_files_and_writes_through_no_link(run: Run) -> None:
    manifest("x")
    os.mkfifo("pipe")
    Path("link").symlink_to("target.json")

    assert "is not a regular file" in run("plan", "--sandbox", "--out", "pipe").err
    assert "link is a symbolic link" in run("plan", "--sandbox", "--out", "link").err
    assert not Path("target.json").exists()
    assert run("plan", "--sandbox", "--out", "x" * 300).code == 1


@pytest.mark.parametrize("plan", ["pipe", "/dev/zero", "."])
def test_a_plan_is_a_regular_file(run: Run, plan: str) -> None:
    os.mkfifo("pipe")

    result = run("show", plan)

    assert result.code == 1
    assert result.err.startswith(f"error: {plan}: cannot be read")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "ftp://x"),
        ("SSL_CERT_FILE", "/nonexistent"),
        ("CARRIERX_BASE_URL", "https://xn--a"),
        ("CARRIERX_BASE_URL", "https://[v1.x]"),
    ],
)
def test_an_environment_that_cannot_be_used_is_one_clear_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    manifest("x")
    monkeypatch.setenv("CARRIERX_TOKEN", "some-token")
    monkeypatch.setenv(name, value)

    result = run("plan")

    assert result.code == 1
    assert len(result.err.splitlines()) == 1


def test_a_huge_parallelism_costs_no_more_than_there_is_to_do(run: Run) -> None:
    manifest("x")

    assert run("plan", "--sandbox", "--parallelism", "1000").code == 0
    assert run("plan", "--sandbox", "--parallelism", "1001").code == 64


def test_a_folder_given_twice_is_entered_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(f"messages:\n  {MESSAGE}:\n    user_data: x\n", "a/manifests/x.yaml")
    monkeypatch.setenv("RECONCILER_CHDIR", "a")

    assert run("validate", "--chdir", "a").code == 0


def test_settings_for_all_commands_do_not_disturb_a_saved_plan(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest("x")
    monkeypatch.setenv("RECONCILER_MANIFESTS", "manifests")
    run("plan", "--sandbox", "--out", "plan.json")

    assert run("apply", "plan.json", "--sandbox").code == 0


@pytest.mark.parametrize("what", ["folder", "text"])
def test_a_store_that_is_none_is_one_clear_error(run: Run, what: str) -> None:
    manifest("x")
    path = Path(".reconciler/sandbox.db")
    path.parent.mkdir()
    if what == "folder":
        path.mkdir()
    else:
        path.write_text("no database at all, but long enough to be read as one" * 100)

    for arguments in (["plan", "--sandbox"], ["sandbox", "reset"], ["sandbox", "seed"]):
        result = run(*arguments)
        assert result.code == 1
        assert "the sandbox's store cannot be used" in result.err


@pytest.mark.parametrize("name", ["manifest", "plan"])
def test_a_schema_is_printed_as_it_is_published(run: Run, name: str) -> None:
    published = REPOSITORY / f"schemas/{name}.schema.json"

    assert run("schema", name) == (0, published.read_text("utf-8"), "")


def test_problems_come_in_the_format_that_was_asked_for(run: Run) -> None:
    write("messages:\n  x: {user_data: 1}\n")

    github = run("validate", "--format", "github")
    assert (github.code, github.err) == (1, "")
    assert github.out.startswith("::error file=manifests/a.yaml,line=2,col=3,")
    sarif = json.loads(run("validate", "--format", "sarif").out)
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["sid", "type"]
    everything = json.loads(run("validate", "--format", "json").out)
    assert [problem["rule"] for problem in everything["problems"]] == ["sid", "type"]


def test_json_has_every_one_of_ten_thousand_problems(run: Run) -> None:
    write("messages:\n" + "  x: {user_data: y}\n" * 10_000)

    assert len(run("validate").err.splitlines()) == 22
    assert len(json.loads(run("validate", "--format", "json").out)["problems"]) == 10_000


def test_validate_opens_no_socket(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket")

    monkeypatch.setattr("socket.socket", refuse)
    manifest("x")

    assert run("validate").code == 0


def test_every_request_can_be_logged_without_token_or_body(run: Run, serve: Serve) -> None:
    serve()
    manifest("private text")

    result = run("apply", "--auto-approve", "--log-format", "json")

    lines = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    assert [(line["method"], line["status"], line["attempt"]) for line in lines] == [
        ("GET", 200, 1),
        ("GET", 200, 1),
        ("PATCH", 200, 1),
    ]
    assert all(line["milliseconds"] > 0 for line in lines)
    assert "private" not in result.err
    again = run("plan", "--log-format", "text")
    run_id = lines[0]["run"]
    assert [line["request_id"] for line in lines] == [f"{run_id}-{n}" for n in (1, 2, 3)]
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)
    when = r"[0-9-]{10}T[0-9:.]{12}\+00:00"
    line = rf"{when} [0-9a-f]{{12}}-1 GET /sms/messages/{MESSAGE} 200 [0-9.]+ ms\n"
    assert re.fullmatch(line, again.err)


@pytest.mark.parametrize(("how", "requests"), [("each", 4), ("sweep", 1), ("auto", 1)])
def test_the_way_to_read_can_be_chosen(run: Run, serve: Serve, how: str, requests: int) -> None:
    server = serve()
    many(4)
    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests")

    result = run("plan", "--read", how, "--log-format", "json")

    assert result.code == 0
    assert len(result.err.splitlines()) == requests


@pytest.mark.slow
def test_a_wait_that_the_api_asked_for_is_said(run: Run, serve: Serve) -> None:
    spec = "429=0.5"
    serve("--fault", spec, "--seed", str(seed_of([True, False], spec)))
    manifest("x")

    result = run("plan")

    assert result.code == 0
    assert result.err == "Waiting 1 s: the API asked for it.\n"
