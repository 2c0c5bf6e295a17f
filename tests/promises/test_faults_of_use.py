"""Faults that were seen in use, each with what is right instead."""

import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run
from reconciler.sandbox.store import Store
from repository import git
from writing import live, many, messages, sid, user_data, write

M = "manifests/a.yaml"
BROKEN = "messages:\n  x: {}\n"


# ---- names and paths


def test_no_page_or_message_installs_the_package_of_somebody_else() -> None:
    """The distribution is carrierx-reconciler; another project has the name `reconciler`."""
    listed = git("ls-files", folder=REPOSITORY).splitlines()
    for name in listed:
        path = REPOSITORY / name
        if path == Path(__file__):
            continue
        if path.suffix in (".md", ".py", ".yml", ".yaml", ".toml", ".sh", ".txt"):
            for line in path.read_text("utf-8").splitlines():
                installs = "install" in line.replace("carrierx-reconciler", "")
                assert not (installs and "reconciler[" in line.replace("carrierx-reconciler", ""))
                assert "install reconciler" not in line, (name, line)


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
    assert "Limited to --target @targets.txt." in result.out


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
