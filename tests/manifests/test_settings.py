"""reconciler.yaml, and what is wrong with it."""

from pathlib import Path

import pytest

from reconciler.errors import ProblemsError
from reconciler.manifests.settings import Settings, Write, load_settings
from writing import tree, write


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
        ("version: 2\n", "1:10", "invalid enum value 2"),
        ("write:\n  parallelism: 0\n", "2:16", "expected `int` >= 1"),
        ("write:\n  paralelism: 1\n", "2:3", "unknown field `paralelism`"),
        ("base_url: https://evil.example\n", "1:1", "unknown field `base_url`"),
        ("manifests: x\n", "1:12", "expected `array`"),
        ("manifests: [1]\n", "1:13", "expected `str`"),
        ("- a\n", "1:1", "expected `object`"),
        ("rules:\n- paths: [a, 'b\\']\n", "2:14", "b\\: is not a pattern"),
        ("a: [\n", "2:1", "did not find"),
        ("version: 0x1\n", "1:10", "is ambiguous"),
        ("version: 1\n---\nversion: 1\n", "1:1", "several documents"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_by_its_place(text: str, where: str, says: str) -> None:
    write(text, "reconciler.yaml")

    with pytest.raises(ProblemsError) as caught:
        load_settings(tree())

    problem = caught.value.problems[0]
    assert f"{problem.source}" == f"reconciler.yaml:{where}"
    assert says in problem.message


def test_the_file_may_be_no_link() -> None:
    write("version: 1\n", "other.yaml")
    Path("reconciler.yaml").symlink_to("other.yaml")

    with pytest.raises(ProblemsError):
        load_settings(tree())


@pytest.mark.parametrize("text", ["", "version: 1\n"])
def test_a_file_of_another_name_is_an_error_and_not_ignored(text: str) -> None:
    write(text, "reconciler.yml")

    with pytest.raises(ProblemsError) as caught:
        load_settings(tree())

    (problem,) = caught.value.problems
    assert (problem.source.file, problem.rule) == ("reconciler.yml", "config")
    assert "rename it to reconciler.yaml" in problem.message


def test_a_file_above_is_an_error_inside_the_repository_and_not_outside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a/.git").mkdir(parents=True)
    (folder / "a/b/c").mkdir(parents=True)
    write("version: 1\n", "reconciler.yaml")
    monkeypatch.chdir(folder / "a/b/c")
    assert load_settings(tree()) == Settings()

    write("version: 1\n", "../../reconciler.yaml")

    with pytest.raises(ProblemsError) as caught:
        load_settings(tree())
    assert f"--chdir {folder.resolve() / 'a'}" in caught.value.problems[0].message
