"""reconciler.yaml, and what is wrong with it."""

from pathlib import Path

import pytest

from conftest import Run
from reconciler.errors import ProblemsError
from reconciler.manifests.settings import Settings, Write, load_settings, project_root
from repository import git
from writing import manifest, tree, write


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(tree()) == Settings(1, ("manifests",), Write("patch", 10))


def test_the_file_is_read() -> None:
    write(
        "version: 1\nmanifests: [a, b]\nwrite: {method: put, parallelism: 3}\n", "reconciler.yaml"
    )

    assert load_settings(tree()) == Settings(1, ("a", "b"), Write("put", 3))


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("version: 2\n", "1:10", "expected 1, not 2"),
        ("write:\n  parallelism: 0\n", "2:16", "expected a whole number from 1 to 1,000, not 0"),
        ("write:\n  parallelism: 1000000\n", "2:16", "from 1 to 1,000"),
        ("write: {requests_per_second: 1.0e-300}\n", "1:30", "from 0.01 to 100,000 or null"),
        ("write:\n  paralelism: 1\n", "2:3", "did you mean `parallelism`?"),
        ("base_url: https://evil.example\n", "1:1", "is not a setting: expected version"),
        ("manifests: x\n", "1:12", 'expected a list, not "x"'),
        ("manifests: [1]\n", "1:13", "expected text, not 1"),
        ("manifests: [/etc]\n", "1:13", "/etc: leaves the project's folder"),
        ("manifests: [a/../../b]\n", "1:13", "leaves the project's folder"),
        ("rules: [{paths: [a], user_data_schema: /x.json}]\n", "1:40", "leaves the project"),
        ("rules: [{mode: merge}]\n", "1:9", "`paths` is missing"),
        ("guards: {max_clears: }\nwrite: {method: post}\n", "2:17", 'patch or put, not "post"'),
        ("- a\n", "1:1", "expected a mapping"),
        ("rules:\n- paths: [a, 'b\\']\n", "2:14", "b\\: is not a pattern"),
        ("a: [\n", "2:1", "did not find"),
        ("version: 0x1\n", "1:10", "is ambiguous"),
        ("version: 1\n---\nversion: 1\n", "1:1", "several documents"),
        ("environments: {Prod: {}}\n", "1:16", "`Prod` is not a name of lower-case letters"),
        ("environments: {a: {base_url: 'https://x.y/'}}\n", "1:30", "normal form: https://x.y"),
        ("environments: {a: {base_url: 'http://x.y'}}\n", "1:30", "unencrypted"),
        ("environments: {a: {partner_sid: x}}\n", "1:33", "x: is not a SID"),
        ("environments: {a: {manifests: [../b]}}\n", "1:32", "leaves the project's folder"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_named_by_its_place(text: str, where: str, says: str) -> None:
    write(text, "reconciler.yaml")

    with pytest.raises(ProblemsError) as caught:
        load_settings(tree())

    problem = caught.value.problems[0]
    assert f"{problem.source}" == f"reconciler.yaml:{where}"
    assert says in problem.message


def test_all_problems_of_the_file_come_at_once_in_order() -> None:
    write(
        "version: 2\n"
        "manifest: [a]\n"
        "write: {parallelism: 0, method: post}\n"
        "guards: {max_clear: 1, max_changes: -1}\n"
        "rules: [{paths: x, mode: add}, {paths: ['b\\']}]\n"
        "environments: {a: [], b: {partner_sid: y}}\n",
        "reconciler.yaml",
    )

    with pytest.raises(ProblemsError) as caught:
        load_settings(tree())

    lines = [problem.source.line for problem in caught.value.problems]
    assert lines == sorted(lines)
    assert [lines.count(number) for number in range(1, 7)] == [1, 1, 2, 2, 3, 2]


@pytest.mark.parametrize("made", ["link", "folder", "large", "loop"])
def test_a_file_that_is_none_is_an_error_and_not_the_lack_of_one(made: str) -> None:
    file = Path("reconciler.yaml")
    if made == "link":
        write("version: 1\n", "other.yaml")
        file.symlink_to("other.yaml")
    elif made == "folder":
        file.mkdir()
    elif made == "loop":
        file.symlink_to(file)
    else:
        file.write_text("version: 1\n" + "# x\n" * 3_000_000)

    with pytest.raises(ProblemsError) as caught:
        load_settings(tree())

    (problem,) = caught.value.problems
    assert problem.source.file == "reconciler.yaml"


def test_the_other_suffix_is_the_same_file_and_both_are_an_error(run: Run) -> None:
    write("write: {parallelism: 3}\n", "reconciler.yml")
    assert load_settings(tree()).write.parallelism == 3

    write("version: 1\n", "reconciler.yaml")

    with pytest.raises(ProblemsError, match="reconciler validate"):
        load_settings(tree())
    result = run("validate")
    assert result.code == 1
    assert (
        "reconciler.yml:1:1: error: stands beside reconciler.yaml: keep one of them" in result.err
    )


def test_the_file_is_found_from_a_folder_below_and_named(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("init", "--quiet")
    write("rules: [{paths: [manifests/x/**], mode: merge}]\n", "reconciler.yaml")
    manifest("x")
    Path("manifests/a.json").rename("manifests/a.yaml")
    Path("manifests/x").mkdir()
    Path("manifests/a.yaml").rename("manifests/x/a.yaml")
    monkeypatch.chdir("manifests/x")

    validated, shown = run("validate"), run("plan", "--sandbox", "--target", "a.yaml")

    assert validated.code == 0
    assert "Settings: ../../reconciler.yaml" in validated.err
    assert "manifests/x/a.yaml" in shown.out
    assert project_root(Path.cwd()) == folder.resolve()
    assert (folder / ".reconciler/sandbox.db").exists()


def test_a_file_above_the_repository_or_without_one_is_not_of_the_project(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a/b/c").mkdir(parents=True)
    write("version: 1\n", "reconciler.yaml")
    monkeypatch.chdir(folder / "a/b/c")
    assert project_root(Path.cwd()) == folder.resolve() / "a/b/c"
    git("init", "--quiet", folder=folder / "a")
    assert project_root(Path.cwd()) == folder.resolve() / "a/b/c"

    write("version: 1\n", "../../reconciler.yml")

    assert project_root(Path.cwd()) == folder.resolve() / "a"


@pytest.mark.parametrize("link", ["manifests", "manifests/inner"])
def test_no_folder_of_manifests_is_behind_a_link(run: Run, folder: Path, link: str) -> None:
    write("secret: hunter2\n", "outside/deep/a.yaml")
    Path(link).parent.mkdir(exist_ok=True)
    Path(link).symlink_to(folder / "outside")
    write(f"manifests: [{link}/deep]\n", "reconciler.yaml")

    result = run("validate")

    assert result.code == 1
    assert "is behind a symbolic link" in result.err
    assert "secret" not in result.err
