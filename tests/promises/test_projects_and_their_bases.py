"""Several projects, roots and lists of manifests in one repository: none speaks for another."""

import json
import re
from pathlib import Path

import pytest

from conftest import Run
from plan_documents import origins, planned
from reconciler.errors import ReconcilerError
from reconciler.git import APPLIED, Repository
from reconciler.sandbox.store import Store
from repository import commit, git
from writing import MESSAGE, live, messages, sid, user_data, write

SECRET = "canary-77d1"
HIDES = '{"properties": {"pin": {"writeOnly": true}}}'
RULE = "rules: [{paths: ['manifests/**'], user_data_schema: s.json}]\n"


@pytest.fixture(autouse=True)
def _nothing_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECONCILER_ALLOW")


@pytest.fixture
def two_projects(store: Store, folder: Path) -> Path:
    """Projects in `a` and `b`; `b` has the store, `a` gets one with the examples."""
    live(store, {2: "theirs"})
    commit(
        {
            "a/reconciler.yaml": "version: 1\n",
            "a/manifests/a.yaml": f"messages:\n  {MESSAGE}:\n    user_data: ours\n",
            "b/reconciler.yaml": "version: 1\n",
            "b/manifests/b.yaml": messages({2: "ours"}),
        }
    )
    (folder / ".reconciler").rename(folder / "b/.reconciler")
    return folder


def test_an_apply_of_one_project_is_no_base_of_another(
    run: Run, two_projects: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.chdir(two_projects / "a")
    recorded = run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=1")
    monkeypatch.chdir(two_projects / "b")

    other = run("apply", "--sandbox", "--auto-approve")

    assert "as applied to sandbox.localhost+a: the next base" in recorded.err
    assert other.code == 3
    assert "max_overwrites" in other.out
    assert user_data(store, f"messages/{sid(2)}") == "theirs"


def test_a_folder_that_is_added_to_the_manifests_was_never_applied(run: Run, store: Store) -> None:
    live(store, {1: "x", 2: "theirs"})
    files = {"a/a.yaml": messages({1: "x"}), "b/b.yaml": messages({2: "ours"})}
    commit({"reconciler.yaml": "manifests: [a]\n", **files})
    run("apply", "--sandbox", "--auto-approve")
    commit({"reconciler.yaml": "manifests: [a, b]\n"})

    assert origins(planned(run)) == {2: "adopt"}
    assert run("apply", "--sandbox", "--auto-approve").code == 3
    assert user_data(store, f"messages/{sid(2)}") == "theirs"


def test_a_folder_that_is_named_on_the_command_line_was_not_applied_with_the_others(
    run: Run, store: Store
) -> None:
    live(store, {1: "x", 2: "theirs"})
    commit({"manifests/a.yaml": messages({1: "x"}), "more/b.yaml": messages({2: "ours"})})
    run("apply", "--sandbox", "--auto-approve")

    assert origins(planned(run, "--manifests", "more")) == {2: "adopt"}
    assert origins(planned(run, "--manifests", "more", "--base", "HEAD")) == {2: "drift"}


def test_a_file_that_the_checkout_leaves_out_is_held_by_git_also_outside_of_the_manifests(
    run: Run, store: Store
) -> None:
    live(store, {1: "x", 2: "y"})
    rule = "rules: [{paths: ['b/**'], removed: clear}]\n"
    files = {"a/a.yaml": messages({1: "x"}), "b/b.yaml": messages({2: "y"})}
    commit({"reconciler.yaml": f"manifests: [a, b]\n{rule}", **files})
    run("apply", "--sandbox", "--auto-approve")
    commit({"reconciler.yaml": f"manifests: [a]\n{rule}"})
    git("update-index", "--skip-worktree", "b/b.yaml")
    Path("b/b.yaml").unlink()

    plan = planned(run)

    assert [row["address"] for row in plan["released"]] == [f"messages/{sid(2)}"]
    assert plan["resource_changes"] == []


def test_a_folder_of_manifests_may_begin_with_a_dot_and_be_left_out(run: Run, store: Store) -> None:
    live(store, {1: "x", 2: "y"})
    settings = "manifests: [.records]\nrules: [{paths: ['**'], removed: clear}]\n"
    commit(
        {
            "reconciler.yaml": settings,
            ".records/a.yaml": messages({1: "x"}),
            ".records/b.yaml": messages({2: "y"}),
        }
    )
    run("apply", "--sandbox", "--auto-approve")
    git("update-index", "--skip-worktree", ".records/b.yaml")
    Path(".records/b.yaml").unlink()

    assert planned(run)["summary"]["in_sync"] == 2
    assert user_data(store, f"messages/{sid(2)}") == "y"


@pytest.mark.parametrize("gone", [False, True])
def test_a_folder_that_is_taken_out_of_the_manifests_is_released(
    run: Run, store: Store, *, gone: bool
) -> None:
    live(store, {1: "x", 2: "y"})
    files: dict[str, str | None] = {"a/a.yaml": messages({1: "x"}), "b/b.yaml": messages({2: "y"})}
    rule = "rules: [{paths: ['b/**'], removed: clear}]\n"
    commit({"reconciler.yaml": f"manifests: [a, b]\n{rule}", **files})
    run("apply", "--sandbox", "--auto-approve")
    commit({"reconciler.yaml": f"manifests: [a]\n{rule}"})
    if gone:
        git("rm", "--quiet", "b/b.yaml")
        git("commit", "--quiet", "-m", "gone")

    plan = planned(run)

    # A value that git still holds is never cleared.
    assert [row["address"] for row in plan["released"]] == ([] if gone else [f"messages/{sid(2)}"])
    assert [row["action"] for row in plan["resource_changes"]] == (["clear"] if gone else [])


def test_settings_that_cannot_be_read_at_the_base_make_nothing_ours(run: Run, store: Store) -> None:
    live(store, {1: "theirs"})
    commit({"reconciler.yaml": "manifests: [\n", "manifests/a.yaml": messages({1: "x"})})
    git("update-ref", "refs/reconciler/applied/sandbox.localhost", "HEAD")
    commit({"reconciler.yaml": "version: 1\n"})

    assert origins(planned(run)) == {1: "adopt"}


def test_a_root_that_moves_up_shows_nothing_that_the_base_hides(
    run: Run, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, {1: f'{{"pin":"{SECRET}"}}'})
    commit(
        {
            "sub/reconciler.yaml": RULE,
            "sub/s.json": HIDES,
            "sub/manifests/a.yaml": messages({1: {"pin": "a"}}),
        }
    )
    git("checkout", "--quiet", "-b", "hostile")
    git("rm", "--quiet", "sub/reconciler.yaml")
    commit(
        {
            "reconciler.yaml": "manifests: [sub/manifests]\n",
            "sub/manifests/a.yaml": messages({1: {"pin": "b"}}),
        }
    )

    (folder / "sub/work").mkdir()
    for place in (folder, folder / "sub/work"):
        monkeypatch.chdir(place)
        for flags in (["--base", "main"], ["--since", "main"]):
            result = run("plan", "--sandbox", *flags)
            assert result.code == 0, result.err
            assert SECRET not in result.out
            assert "(sensitive" in result.out


def test_a_manifest_that_moves_to_another_project_keeps_its_secret(
    run: Run, two_projects: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    live(store, {2: f'{{"pin":"{SECRET}"}}'})
    commit(
        {
            "b/reconciler.yaml": RULE,
            "b/s.json": HIDES,
            "b/manifests/b.yaml": messages({2: {"pin": "a"}}),
        }
    )
    git("checkout", "--quiet", "-b", "hostile")
    git("mv", "b/manifests/b.yaml", "a/manifests/b.yaml")
    commit({"a/manifests/b.yaml": messages({2: {"pin": "b"}})})
    (two_projects / "b/.reconciler").rename(two_projects / "a/.reconciler")
    monkeypatch.chdir(two_projects / "a")

    result = run("plan", "--sandbox", "--base", "main")

    assert "(sensitive" in result.out
    assert SECRET not in result.out


@pytest.mark.parametrize("branch", [{"pattern": "^c"}, {"pattern": "^x"}])
def test_no_schema_of_a_pull_request_answers_a_question_about_a_hidden_value(
    run: Run, store: Store, branch: dict[str, str]
) -> None:
    live(store, {1: f'{{"x":1,"pin":"{SECRET}"}}'})
    kept = {"x": 1, "pin": "a"}
    commit({"reconciler.yaml": RULE, "s.json": HIDES, "manifests/a.yaml": messages({1: kept})})
    git("checkout", "--quiet", "-b", "hostile")
    asks = {"properties": {"pin": {"writeOnly": True, "anyOf": [branch, {"const": "a"}]}}}
    commit(
        {
            "s.json": json.dumps(asks),
            "manifests/a.yaml": messages({1: kept | {"y": 2}}),
        }
    )

    out = run("plan", "--sandbox", "--base", "main").out

    # Whether or not the branch matches the live value, the same is shown.
    assert "+ y: 2" in out
    assert "(sensitive" not in out


def test_no_guess_in_another_record_has_the_fingerprint_of_a_live_value(
    run: Run, store: Store
) -> None:
    live(store, dict.fromkeys(range(2, 20)) | {1: '{"pin":"1007"}'})
    write(HIDES, "s.json")
    write(RULE, "reconciler.yaml")
    guesses = {number: {"pin": str(1000 + number)} for number in range(2, 20)}
    write(messages({1: {"pin": "other"}, **guesses}))

    marks = re.findall(r"\(sensitive ([0-9a-f]{16})\)", run("plan", "--sandbox", "--verbose").out)

    assert len(marks) == 20
    assert len(set(marks)) == 20


def test_no_guess_at_another_place_has_the_fingerprint_of_a_live_value(
    run: Run, store: Store
) -> None:
    live(store, {1: '{"pin":"1234"}'})
    write('{"additionalProperties": {"writeOnly": true}}', "s.json")
    write(RULE, "reconciler.yaml")
    write(messages({1: {"pin": "other", "a": "1233", "b": "1234", "c": "1235"}}))

    out = run("plan", "--sandbox", "--verbose").out

    marks = re.findall(r"\(sensitive ([0-9a-f]{16})\)", out)
    assert len(marks) == len(set(marks)) == 5


def test_a_recorded_commit_of_another_project_hides_as_well(run: Run, store: Store) -> None:
    live(store, {1: f'{{"pin":"{SECRET}"}}'})
    commit(
        {
            "sub/reconciler.yaml": RULE,
            "sub/s.json": HIDES,
            "sub/manifests/a.yaml": messages({1: {"pin": "a"}}),
        }
    )
    git("update-ref", "refs/reconciler/applied/sandbox.localhost+sub", "HEAD")
    git("rm", "--quiet", "sub/reconciler.yaml")
    commit({"reconciler.yaml": "manifests: [sub/manifests]\n"})

    out = run("plan", "--sandbox").out

    assert "(sensitive" in out
    assert SECRET not in out


def test_a_long_number_does_not_make_a_plan_unreadable(run: Run, store: Store) -> None:
    live(store, {1: f'{{"a":{"9" * 5000}}}'})
    write(messages({1: {"a": 1}}))
    run("plan", "--sandbox", "--out", "plan.json")

    assert run("show", "plan.json").code == 0


def test_a_project_in_a_folder_with_a_long_name_is_recorded(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ж" * 60
    commit(
        {
            f"{name}/reconciler.yaml": "version: 1\n",
            f"{name}/manifests/a.yaml": f"messages:\n  {MESSAGE}:\n    user_data: ours\n",
        }
    )
    monkeypatch.chdir(folder / name)

    result = run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=1")

    assert "as applied to sandbox.localhost+%D0%B6" in result.err


def test_a_missing_file_of_an_unfinished_merge_is_no_removal(run: Run) -> None:
    m = "manifests/a.yaml"
    commit({m: messages({1: "a"}), "manifests/b.yaml": messages({2: "b"})})
    git("checkout", "--quiet", "-b", "other")
    commit({m: messages({1: "b"})})
    git("checkout", "--quiet", "main")
    commit({m: messages({1: "c"})})
    with pytest.raises(AssertionError):
        git("merge", "--quiet", "other")
    Path(m).unlink()

    for command in (["plan", "--sandbox"], ["validate"]):
        result = run(*command)
        assert result.code == 1
        assert f"{m}: is in a merge that is not finished" in result.err


def test_validate_reads_what_the_checkout_leaves_out(run: Run) -> None:
    commit({"manifests/a.yaml": messages({1: "a"}), "manifests/b.yaml": messages({2: "b"})})
    git("update-index", "--skip-worktree", "manifests/b.yaml")
    Path("manifests/b.yaml").unlink()

    assert run("validate").out == "Valid: 2 records in 2 files.\n"


@pytest.mark.parametrize(
    "setting", ['manifests: ["a\\0b"]', 'rules: [{paths: ["**"], user_data_schema: "a\\0b"}]']
)
def test_a_path_with_a_nul_is_a_problem_of_the_settings(run: Run, setting: str) -> None:
    write(messages({1: "x"}))
    write(f"{setting}\n", "reconciler.yaml")

    result = run("plan", "--sandbox")

    assert result.code == 1
    assert "no path of a project may have" in result.err


def test_a_limit_of_too_many_digits_is_a_usage_error(run: Run) -> None:
    assert run("plan", "--sandbox", "--allow", f"max_clears={'9' * 5000}").code == 64


@pytest.mark.parametrize("keyword", ["contentSchema", "propertyNames", "dependencies"])
def test_a_mark_that_hides_nothing_is_a_problem(run: Run, keyword: str) -> None:
    marked = {"dependencies": {"a": {"writeOnly": True}}}.get(keyword, {"writeOnly": True})
    write(messages({1: {"a": "x"}}))
    write(RULE, "reconciler.yaml")
    write(json.dumps({"properties": {"a": {keyword: marked}}}), "s.json")

    result = run("validate")

    assert result.code == 1
    assert f"writeOnly has no effect inside {keyword}" in result.err


def test_all_schemas_are_checked_at_once_and_a_missing_one_is_found_at_its_rule(run: Run) -> None:
    write(messages({1: "x"}))
    write("{", "broken.json")
    write(
        "rules:\n"
        "  - {paths: ['**'], user_data_schema: none.json}\n"
        "  - paths: ['**']\n"
        "    user_data_schema: broken.json\n",
        "reconciler.yaml",
    )

    found = run("validate").err

    assert "none.json:1:1: error: cannot be read" in found
    assert "(named at reconciler.yaml:2:39)" in found
    assert "broken.json:" in found


def test_a_commit_that_another_run_recorded_meanwhile_stays(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    first = commit({"manifests/a.yaml": messages({1: "a"})})
    run("apply", "--sandbox", "--auto-approve")
    commit({"manifests/a.yaml": messages({1: "b"})})
    repository = Repository(Path.cwd())
    ref = f"{APPLIED}/sandbox.localhost"
    second = repository.commit("HEAD")

    with pytest.raises(ReconcilerError):
        repository.record(ref, second, None)
    assert git("rev-parse", ref) == first
    repository.record(ref, second, first)
    assert git("rev-parse", ref) == second


def test_a_recorded_commit_that_is_not_here_is_not_replaced_where_removals_count(
    run: Run, store: Store
) -> None:
    live(store, {1: "a", 2: "b"})
    write("rules: [{paths: ['**'], removed: clear}]\n", "reconciler.yaml")
    commit({"manifests/a.yaml": messages({1: "a", 2: "b"})})
    run("apply", "--sandbox", "--auto-approve")
    gone = "1234567890" * 4
    write(f"{gone}\n", ".git/refs/reconciler/applied/sandbox.localhost")
    commit({"manifests/a.yaml": messages({1: "a"})})

    result = run("apply", "--sandbox", "--auto-approve")

    assert "Not recorded: 1234567, which was applied last, is not in this clone" in result.err
    assert "No base: 1234567, which was applied last" in result.out
    assert Path(".git/refs/reconciler/applied/sandbox.localhost").read_text() == f"{gone}\n"


def test_since_does_not_trust_a_shallow_clone_with_the_order_of_commits(
    run: Run, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, {1: "a"})
    m = "manifests/a.yaml"
    for text in ("a", "b", "c"):
        commit({m: messages({1: text})})
    run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=1")
    git("clone", "--quiet", "--depth", "1", folder.as_uri(), "shallow")
    (folder / ".reconciler").rename(folder / "shallow/.reconciler")
    monkeypatch.chdir("shallow")
    old = git("rev-parse", "main~1", folder=folder)
    git("fetch", "--quiet", "--depth", "1", "origin", "+refs/reconciler/*:refs/reconciler/*")
    git("fetch", "--quiet", "--depth", "2", "origin", old)
    git("checkout", "--quiet", old)

    result = run("apply", "--sandbox", "--auto-approve", "--since", "HEAD~1")

    assert result.code in (1, 5)
    assert "nothing was written" in result.err
    assert user_data(store, f"messages/{sid(1)}") == "c"


def test_a_rollback_of_a_value_that_is_back_already_changes_nothing(run: Run, store: Store) -> None:
    live(store, {1: "a"})
    for text in ("b", "a"):
        write(messages({1: text}))
        run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=1")
    journals = sorted(Path(".reconciler/journal").glob("*.jsonl"))

    result = run("rollback", *journals, "--sandbox")

    assert "1 record: 1 in sync." in result.out
    assert "Nothing to undo" in result.err


def test_without_the_program_git_manifests_are_checked_and_planned(
    run: Run, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, {1: "theirs"})
    commit({"manifests/a.yaml": messages({1: "ours"})})
    (folder / "bin").mkdir()
    monkeypatch.setenv("PATH", str(folder / "bin"))

    assert run("validate").code == 0
    assert origins(planned(run)) == {1: "adopt"}
    assert "git is not installed" in run("plan", "--sandbox", "--base", "HEAD").err


def test_no_message_offers_the_address_of_a_plan_file_to_copy(run: Run, store: Store) -> None:
    live(store, {1: None})
    write(messages({1: "x"}))
    run("plan", "--sandbox", "--out", "plan.json")
    result = run("apply", "plan.json")

    assert "use --sandbox" in result.err
    assert "CARRIERX_BASE_URL=http" not in result.err
