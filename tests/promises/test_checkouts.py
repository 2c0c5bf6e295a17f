"""A file that the checkout leaves out is not removed from git: its records stay wanted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Run
from reconciler.sandbox.store import Store
from repository import commit, git
from writing import live, messages, sid, user_data, write

EU, US = "manifests/eu/a.yaml", "manifests/us/b.yaml"
CLEARS = 'rules: [{paths: ["manifests/**"], removed: clear}]\n'


def holds(store: Store, number: int) -> object:
    return user_data(store, f"messages/{sid(number)}")


def world(store: Store) -> None:
    live(store, {1: "a", 2: "b"})
    commit(
        {EU: messages({1: "a"}), US: messages({2: "b"}), "reconciler.yaml": CLEARS, "x.txt": "x"}
    )


def _sparse() -> None:
    git("sparse-checkout", "set", "manifests/eu")


def _skip_worktree() -> None:
    git("update-index", "--skip-worktree", US)
    Path(US).unlink()


def _assume_unchanged() -> None:
    git("update-index", "--assume-unchanged", US)
    Path(US).unlink()


WAYS: list[Callable[[], None]] = [_sparse, _skip_worktree, _assume_unchanged]


@pytest.mark.parametrize("flag", ["--since", "--base"])
@pytest.mark.parametrize("leave_out", WAYS)
def test_a_file_that_is_left_out_is_no_removal(
    run: Run, store: Store, leave_out: Callable[[], None], flag: str
) -> None:
    world(store)
    leave_out()
    assert not Path(US).exists()

    result = run("apply", "--sandbox", "--auto-approve", flag, "HEAD")

    assert result.code == 0, result.err
    assert (holds(store, 1), holds(store, 2)) == ("a", "b")
    assert "removed from git" not in result.out


@pytest.mark.parametrize("leave_out", WAYS)
def test_its_records_are_planned_as_in_a_full_checkout(
    run: Run, store: Store, leave_out: Callable[[], None]
) -> None:
    world(store)
    live(store, {2: "drifted"})
    whole = json.loads(run("plan", "--sandbox", "--base", "HEAD", "--format", "json").out)
    leave_out()

    part = json.loads(run("plan", "--sandbox", "--base", "HEAD", "--format", "json").out)

    for name in ("digest", "summary", "resource_changes", "scope", "source"):
        assert part[name] == whole[name]


def test_what_moved_into_a_file_that_is_left_out_is_not_removed(run: Run, store: Store) -> None:
    world(store)
    commit({EU: messages({3: "c"}), US: messages({1: "a", 2: "b"})})
    live(store, {3: "c"})
    _sparse()

    result = run("apply", "--sandbox", "--auto-approve", "--since", "HEAD~1")

    assert result.code == 0, result.err
    assert [holds(store, number) for number in (1, 2, 3)] == ["a", "b", "c"]


@pytest.mark.parametrize("where", ["commit", "work tree"])
def test_a_file_that_git_calls_deleted_is_a_removal(run: Run, store: Store, where: str) -> None:
    world(store)
    Path(US).unlink()
    if where == "commit":
        commit()
    base = "HEAD~1" if where == "commit" else "HEAD"

    result = run("apply", "--sandbox", "--auto-approve", "--base", base)

    assert result.code == 0, result.err
    assert (holds(store, 1), holds(store, 2)) == ("a", None)


def test_the_settings_may_not_be_left_out(run: Run, store: Store) -> None:
    world(store)
    git("update-index", "--skip-worktree", "reconciler.yaml")
    Path("reconciler.yaml").unlink()

    result = run("apply", "--sandbox", "--auto-approve", "--base", "HEAD")

    assert result.code == 1
    assert "reconciler.yaml: git holds it, and the checkout leaves it out" in result.err


def test_a_file_that_git_lfs_did_not_fetch_is_a_problem(run: Run, store: Store) -> None:
    world(store)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
    write(pointer, US)

    result = run("apply", "--sandbox", "--auto-approve", "--base", "HEAD")

    assert result.code == 1
    assert f"{US}:1:1: error: is a pointer of Git LFS" in result.err
    assert holds(store, 2) == "b"


def test_a_manifest_that_git_ignores_is_read_and_warned_of(run: Run, store: Store) -> None:
    world(store)
    git("rm", "--quiet", "--cached", US)
    write(".reconciler\n.cache\nmanifests/us\n", ".gitignore")
    commit()
    assert Path(US).exists()

    result = run("apply", "--sandbox", "--auto-approve", "--base", "HEAD~1")

    assert result.code == 0, result.err
    assert holds(store, 2) == "b"
    assert f"{US}:1:1: warning: is ignored by git" in result.err


def test_line_ends_that_a_checkout_converts_are_no_change(run: Run, store: Store) -> None:
    world(store)
    Path(EU).write_bytes(Path(EU).read_bytes().replace(b"\n", b"\r\n"))

    result = run("plan", "--sandbox", "--since", "HEAD", "--format", "json")

    document = json.loads(result.out)
    assert document["summary"]["managed"] == 0
    assert document["source"]["head"] == git("rev-parse", "HEAD")


# ---- repositories that a pull request brings


def test_a_repository_in_the_manifests_is_refused_and_never_asked(
    run: Run, store: Store, folder: Path
) -> None:
    """git, asked from that folder, would find it first, and with it a base of its author."""
    world(store)
    git("init", "--quiet", "--bare", folder / "evil")
    git("push", "--quiet", folder / "evil", "HEAD:main")
    (folder / "evil").rename(folder / "manifests/eu/inner")
    (folder / "manifests/eu/inner/config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n"
    )

    for flags in (["--base", "HEAD"], ["--since", "HEAD"], ["--manifests", "manifests/eu/inner"]):
        result = run("plan", "--sandbox", *flags)
        assert result.code == 1
        assert "manifests/eu/inner:1:1: error: holds the files of a git repository" in result.err


def test_the_files_of_a_repository_beside_the_settings_are_not_one(
    run: Run, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("svc").mkdir()
    monkeypatch.chdir("svc")
    live(store, {1: "live"})
    write(messages({1: "a"}))
    git("-C", "..", "init", "--quiet", "--initial-branch", "main")
    write(".reconciler\n.cache\n", "../.gitignore")
    git("-C", "..", "add", "--all")
    git("-C", "..", "commit", "--quiet", "--message", "first")
    git("init", "--quiet", "--bare", folder / "evil")
    for name in ("HEAD", "objects", "refs", "config"):
        (folder / "evil" / name).rename(folder / "svc" / name)
    (folder / "svc/config").write_text("[core]\n\tworktree = .\n")

    result = run("plan", "--sandbox", "--base", "HEAD", "--format", "json")

    assert json.loads(result.out)["source"]["base"] == git("-C", "..", "rev-parse", "HEAD")
