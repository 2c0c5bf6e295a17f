"""The action, its shell steps run as a runner runs them; and the examples for CI systems."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from conftest import COMMANDS, REPOSITORY
from reconciler.sandbox.store import Store
from repository import commit, git
from writing import live, messages, write

pytestmark = pytest.mark.slow

ACTION: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text("utf-8"))
INSTALL, RUN = ACTION["runs"]["steps"]
EXAMPLES = sorted((REPOSITORY / "docs/ci").rglob("*.y*ml"))


class Step(NamedTuple):
    """What a step did: how it ended, what it said, its outputs and its summary."""

    code: int
    out: str
    outputs: dict[str, str]
    summary: str


Act = Callable[..., Step]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner on which the first step has installed this repository, as it is."""
    temp = tmp_path_factory.mktemp("runner")
    source = temp / "source"
    kept = shutil.ignore_patterns(".venv", ".git", ".*_cache", "tests", ".reconciler")
    shutil.copytree(REPOSITORY, source, ignore=kept)
    checkout = temp / "checkout"
    for module in ("venv", "pip", "json"):
        write("open('owned', 'w')\n", f"{checkout}/{module}.py")
        write("open('owned', 'w')\n", f"{checkout}/{module}/__init__.py")
    step = _step(INSTALL, {"python": shutil.which("python3") or ""}, temp, checkout, source)
    assert step.code == 0, step.out
    assert not [*temp.rglob("owned")]  # nothing of a checkout is run
    assert (temp / "path").read_text() == f"{temp}/reconciler/bin\n"
    return temp


def _step(
    step: dict[str, Any], inputs: dict[str, str], temp: Path, folder: Path, source: Path
) -> Step:
    """Runs a step as the runner would: expressions are replaced in `env`, and only there."""
    assert step["shell"] == "bash"
    assert "${{" not in step["run"]
    given = {name: about.get("default", "") for name, about in ACTION["inputs"].items()} | inputs

    def value(found: re.Match[str]) -> str:
        where, _, name = found[1].partition(".")
        return str(source) if found[1] == "github.action_path" else {"inputs": given}[where][name]

    variables = {
        name: re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text) for name, text in step["env"].items()
    }
    files = {name: temp / name.lower() for name in ("output", "step_summary", "path")}
    for file in files.values():
        file.write_text("")
    runners = {f"GITHUB_{name.upper()}": str(file) for name, file in files.items()}
    script = temp / "script.sh"
    script.write_text(step["run"])
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=folder,
        env={**os.environ, **variables, **runners, "RUNNER_TEMP": str(temp), "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    outputs = dict(line.split("=", 1) for line in files["output"].read_text().splitlines())
    summary = files["step_summary"].read_text("utf-8")
    return Step(done.returncode, done.stdout + done.stderr, outputs, summary)


@pytest.fixture
def act(runner: Path, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Runs the action with inputs, in a repository whose records are all empty."""
    monkeypatch.setenv("RECONCILER_SANDBOX", "1")
    commit({"manifests/a.yaml": messages({1: "a", 2: "b"})})
    live(store, {1: "a", 2: "b", 3: None})
    return lambda **inputs: _step(
        RUN,
        {name.replace("_", "-"): text for name, text in inputs.items()},
        runner,
        folder,
        runner / "source",
    )


def change() -> None:
    """What a pull request changes: a record's value, and one more record."""
    commit({"manifests/a.yaml": messages({1: "a", 2: "c", 3: "new"})})


def test_a_plan_says_what_differs_in_its_outputs_and_its_summary(act: Act) -> None:
    change()

    step = act(command="plan", since="HEAD~1")

    assert step.code == 0, step.out
    assert step.outputs["changes"] == "2"
    assert step.outputs["exit-code"] == "2"
    assert step.outputs["digest"].startswith("sha256:")
    assert step.outputs["plan-path"] == "./plan.json"
    assert "2 of 3 records would change" in step.summary
    assert Path(step.outputs["report-path"]).read_text("utf-8").startswith("<!doctype html>")
    assert act(command="plan", fail_on_changes="true").code == 2


def test_what_was_approved_is_applied_and_nothing_else(act: Act, store: Store) -> None:
    assert act(command="drift").outputs["changes"] == "0"  # nothing was applied yet: as in git
    assert act(command="apply", arguments="--record").code == 0
    change()
    act(command="plan", since="HEAD~1")
    digest = json.loads(Path("plan.json").read_text("utf-8"))["digest"]

    applied = act(command="apply", since="HEAD~1", arguments="--record")

    assert applied.code == 0, applied.out
    assert applied.outputs["changes"] == "2"
    assert applied.outputs["exit-code"] == "0"
    assert applied.outputs["digest"] == digest
    assert "2 of 2 changes applied" in applied.summary
    assert '"applied":2' in Path(applied.outputs["report-path"]).read_text("utf-8")
    # Somebody else's change is drift, and no longer what was approved.
    live(store, {2: "theirs"})
    drift = act(command="drift")
    assert drift.code == 0, drift.out
    assert (drift.outputs["changes"], drift.outputs["drift"]) == ("1", "1")
    commit({"manifests/a.yaml": messages({1: "another", 2: "c", 3: "new"})})
    refused = act(command="apply", since="HEAD~1", plan="plan.json")
    assert refused.code == 5


def test_a_saved_plan_is_applied_as_it_is(act: Act) -> None:
    change()
    act(command="plan")

    assert act(command="apply").outputs["changes"] == "2"
    assert act(command="plan").outputs == {
        **act(command="plan").outputs,
        "changes": "0",
        "exit-code": "0",
    }


def test_paths_are_those_that_a_later_step_can_open(act: Act, folder: Path) -> None:
    (folder / "-x y").mkdir()
    for name in ("manifests", ".reconciler"):
        (folder / name).rename(folder / "-x y" / name)

    step = act(command="plan", directory="-x y", plan=f"{folder}/out.json", report="-r.html")

    assert step.code == 0, step.out
    assert step.outputs["plan-path"] == f"{folder}/out.json"
    assert Path(step.outputs["report-path"]).is_file()


def test_what_was_not_written_has_no_path(act: Act) -> None:
    write("messages: {x: {user_data: 5}}\n")

    assert act(command="plan").outputs == {"exit-code": "1"}
    assert act(command="plan", directory="nowhere").outputs == {"exit-code": "1"}
    assert act(command="destroy").outputs == {"exit-code": "64"}


def test_a_plan_with_a_base_of_its_own_is_applied_with_it(act: Act, store: Store) -> None:
    config = "version: 1\nrules: [{paths: ['manifests/**'], mode: merge}]\n"
    commit({"reconciler.yaml": config, "manifests/a.yaml": messages({1: {"a": 1, "b": 1}})})
    commit({"manifests/a.yaml": messages({1: {"a": 1}})})
    commit({"manifests/a.yaml": messages({1: {"a": 2}})})
    live(store, {1: '{"a":1,"b":1,"theirs":1}'})
    revisions = {"base": "HEAD~2", "since": "HEAD~1"}
    assert act(command="plan", **revisions).outputs["changes"] == "1"

    assert act(command="apply", **revisions).outputs["changes"] == "1"


def test_what_was_recorded_is_still_so_where_no_manifest_changed_since(act: Act) -> None:
    assert act(command="apply", arguments="--record").code == 1  # nothing was planned yet
    act(command="plan")
    act(command="apply", arguments="--record")
    commit({"README.md": "words"})
    before = git("rev-parse", "HEAD")
    change()
    act(command="plan", since=before)

    step = act(command="apply", since=before, arguments="--record")

    assert "Recorded " in step.out
    assert git("rev-parse", "refs/reconciler/applied/sandbox.localhost") == git("rev-parse", "HEAD")


def test_broken_manifests_are_annotated(act: Act) -> None:
    assert act(command="validate").code == 0
    write("messages: {x: {user_data: 5}}\n")

    step = act(command="validate")

    assert step.code == 1
    assert "::error file=manifests/a.yaml,line=1" in step.out
    assert step.outputs == {"exit-code": "1"}


def test_a_plan_that_fails_is_a_step_that_fails(act: Act) -> None:
    write("messages: {x: {user_data: 5}}\n")

    assert act(command="plan").code == 1
    assert act(command="destroy").code == 64


def test_what_somebody_committed_is_not_what_a_step_wrote(act: Act) -> None:
    change()
    assert act(command="plan").outputs["plan-path"] == "./plan.json"
    write('{"exit_code": 0}', "plan.result.json")
    write("messages: {x: {user_data: 5}}\n")

    for command in ("plan", "drift"):
        step = act(command=command, base="HEAD")
        assert step.code == 1
        assert step.outputs == {"exit-code": "1"}
    Path("plan.json").unlink()
    assert "plan-path" not in act(command="apply", plan="plan.json").outputs
    write("{}", "plan.json")
    step = act(command="apply", plan="plan.json")
    assert step.code == 1
    assert json.loads(Path("plan.result.json").read_text())["exit_code"] == 1


@pytest.mark.parametrize(
    "inputs",
    [
        {"plan": "a\nchanges=5"},
        {"report": "a\nb"},
        {"directory": ".\n"},
        {"plan": ""},
        {"fail-on-changes": "True"},
        {"arguments": "--out=elsewhere.json"},
    ],
    ids=str,
)
def test_an_input_that_cannot_be_meant_is_refused(act: Act, inputs: dict[str, str]) -> None:
    step = act(command="plan", **inputs)

    assert step.code == 64
    assert step.outputs == {"exit-code": "64"}
    assert "::error title=reconciler::" in step.out


def test_no_directory_is_the_one_at_hand(act: Act) -> None:
    change()

    assert act(command="plan", directory="").outputs["plan-path"] == "./plan.json"


@pytest.mark.parametrize("name", ["command", "directory", "arguments", "plan", "base", "since"])
def test_no_input_becomes_part_of_the_script(act: Act, name: str) -> None:
    text = "a; touch owned; '$(touch owned)' \"`touch owned`\""
    step = act(**{"command": "plan", name: text})

    assert step.code != 0 or name == "plan"
    assert not Path("owned").exists()


def test_arguments_are_a_flag_a_line_whatever_ends_it(act: Act) -> None:
    change()

    step = act(command="plan", arguments=" --target\r\nmessages/*2-0000-* \n\n--verbose\r\n")

    assert step.outputs["changes"] == "1"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_flag_of_the_examples_is_one(example: Path) -> None:
    """And every input of the action."""
    for command, rest in re.findall(r"reconciler (\w+)((?:.*\\\n)*.*)", example.read_text("utf-8")):
        if command in COMMANDS:
            known = {option for param in COMMANDS[command].params for option in param.opts}
            assert set(re.findall(r"--[\w-]+", rest.partition("||")[0])) <= known, example
    for step in re.findall(
        r"uses: example/reconciler@.*?(?=\n      - |\Z)", example.read_text("utf-8"), re.DOTALL
    ):
        given = re.search(r"with:\s*(\{.*?\}|(?:\n {10}[\w-]+:.*)+)", step)
        assert given is not None
        assert set(re.findall(r"([\w-]+):(?: |$)", given[1])) <= set(ACTION["inputs"])


def test_the_outputs_of_the_action_are_those_of_its_step() -> None:
    for name, about in ACTION["outputs"].items():
        assert about["value"] == f"${{{{ steps.run.outputs.{name} }}}}"
    assert RUN["id"] == "run"


def test_all_that_the_action_installs_is_what_the_project_asks_for_by_hash() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    asked = project["project"]["dependencies"] + project["build-system"]["requires"]
    lock = (REPOSITORY / "docs/ci/requirements.txt").read_text("utf-8")
    pins = dict(
        re.findall(r"^([\w.-]+)==([\w.]+)[^\n]* \\\n    --hash=sha256:", lock, re.MULTILINE)
    )

    assert len(pins) == lock.count("==")
    for requirement in map(Requirement, asked):
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier
    assert "://" not in lock


def test_what_is_not_the_file_that_was_locked_is_not_installed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "docs/ci").mkdir(parents=True)
    lock = (REPOSITORY / "docs/ci/requirements.txt").read_text("utf-8")
    (source / "docs/ci/requirements.txt").write_text(
        re.sub(r"(idna==.*?sha256:).*?(\n\S)", rf"\g<1>{'0' * 64}\2", lock, flags=re.DOTALL)
    )

    step = _step(INSTALL, {"python": sys.executable}, tmp_path, tmp_path, source)

    assert step.code == 1
    assert "HASHES" in step.out
    assert (tmp_path / "path").read_text() == ""


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
@pytest.mark.parametrize("step", [INSTALL, RUN], ids=lambda step: step["name"])
def test_the_scripts_of_the_action_are_sound(step: dict[str, Any]) -> None:
    done = subprocess.run(
        ["shellcheck", "--shell=bash", "-"],
        input=step["run"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


ALL_OF_THEM = "refused conflicts incomplete"
STOPPED = {
    ("refused", ALL_OF_THEM): 3,
    ("refused", "conflicts"): 0,
    ("conflicts", ALL_OF_THEM): 3,
    ("conflicts", ""): 0,
    ("incomplete", ALL_OF_THEM): 4,
    ("incomplete", "refused"): 0,
    ("", ALL_OF_THEM): 0,
}


@pytest.mark.parametrize("case", STOPPED)
def test_a_plan_that_could_not_be_applied_is_no_green_check(
    act: Act, store: Store, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str]
) -> None:
    stopped, fail_on = case
    monkeypatch.delenv("RECONCILER_ALLOW")
    live(store, {1: "base"})
    unknown: dict[int, object] = {99: "is in no account"} if stopped == "incomplete" else {}
    commit({"manifests/a.yaml": messages({1: "base"} | unknown)})
    commit({"manifests/a.yaml": messages({1: "git"} | unknown)})
    if stopped == "conflicts":
        live(store, {1: "live"})
    base = "HEAD~1" if stopped != "refused" else "none"

    step = act(command="plan", base=base, **{"fail-on": fail_on})

    assert step.code == STOPPED[case], step.out


def test_the_hooks_of_pre_commit_find_what_they_are_for() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text("utf-8"))

    assert [hook["entry"] for hook in hooks] == ["reconciler validate", "reconciler fmt"]
    validates, formats = hooks
    # A deleted schema is no file that pre-commit would pass: the check always runs, on all files.
    assert (validates["always_run"], validates["pass_filenames"]) == (True, False)
    # An untracked file of another person must not be rewritten: only committed files are passed.
    assert formats.get("pass_filenames", True)
    pattern = re.compile(formats["files"])
    assert pattern.search("manifests/deep/a.yaml")
    assert pattern.search("manifests/deep/a.json")
    assert not pattern.search("docs/manifests/a.yaml.md")
    write("messages: {x: {user_data: 5}}\n")
    # pre-commit puts the environment that it made for the hook first, whatever is installed beside.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for hook in hooks:
        done = subprocess.run(
            hook["entry"].split(), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "a.yaml" in done.stdout + done.stderr
