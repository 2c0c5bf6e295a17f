"""What git held at a revision, read from its objects alone."""

import subprocess
from pathlib import Path

import pytest

from conftest import Run
from reconciler.errors import ProblemsError, ReconcilerError
from reconciler.git import APPLIED, Repository, oid_of
from reconciler.manifests import at_revision
from reconciler.manifests.discovery import Tree
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.settings import Settings
from reconciler.model import Address, Severity
from repository import commit, git
from writing import manifests, sid, write

NO_RULES = Rules(Settings(), Tree(Path("/")))


def rows(*numbers: int, value: str = "x") -> str:
    """A manifest of messages, all with one value."""
    records = "".join(f"  {sid(number)}: {{user_data: {value}}}\n" for number in numbers)
    return f"messages:\n{records}"


def address(number: int) -> Address:
    return Address("messages", sid(number))


def then(revision: str) -> dict[Address, str | None]:
    """What git held at a revision in the files that are other ones now."""
    repository = at_revision.repository(manifests())
    past, _ = at_revision.at_commit(repository.commit(revision), repository, manifests(), NO_RULES)
    return {address: record.wanted for address, record in past.records.items()}


def since(revision: str) -> at_revision.ChangedSince:
    repository = at_revision.repository(manifests())
    return at_revision.since_commit(repository.commit(revision), repository, manifests(), NO_RULES)


def changed_since(revision: str) -> list[Address]:
    found = since(revision)
    return sorted(at_revision.changed(found.loaded.records, found.history))


def test_only_files_that_differ_are_read() -> None:
    commit({"manifests/a.yaml": rows(1), "manifests/b.yaml": rows(2)})
    write(rows(1, value="y"), "manifests/a.yaml")

    repository = at_revision.repository(manifests())
    past, _ = at_revision.at_commit(repository.commit("HEAD"), repository, manifests(), NO_RULES)

    assert past.same_files == {"manifests/b.yaml"}
    assert [record.wanted for record in past.records.values()] == ["x"]


def test_a_moved_record_and_a_renamed_file_are_no_change() -> None:
    commit({"manifests/a.yaml": rows(1, 2), "manifests/b.yaml": rows(3)})
    Path("manifests/a.yaml").rename("manifests/moved.yaml")
    write(rows(3, 2), "manifests/b.yaml")
    write(rows(1), "manifests/moved.yaml")

    found = since("HEAD")

    assert at_revision.changed(found.loaded.records, found.history) == {}
    assert at_revision.released(found.history, found.loaded.records) == {}


def test_layout_comments_and_style_are_no_change() -> None:
    commit({"manifests/a.yaml": f"messages:\n  {sid(1)}:\n    user_data: {{b: 1, a: x}}\n"})
    write(f'messages: # why\n  "{sid(1)}":\n    user_data:\n      a: "x"\n      b: 1\n')

    assert changed_since("HEAD") == []


def test_all_records_are_counted_and_those_that_changed_are_found() -> None:
    commit({f"manifests/{n}.yaml": rows(*range(n * 10, n * 10 + 10)) for n in range(5)})
    write(
        rows(*range(10), 100).replace(f"{sid(3)}: {{user_data: x", f"{sid(3)}: {{user_data: y"),
        "manifests/0.yaml",
    )
    write('{"messages": {"' + sid(200) + '": {"user_data": "x"}}}', "manifests/new.json")

    found = since("HEAD")

    assert sorted(at_revision.changed(found.loaded.records, found.history)) == [
        address(3),
        address(100),
        address(200),
    ]
    assert found.records == 52


def test_comments_are_no_records() -> None:
    commit(
        {
            "manifests/a.yaml": rows(1) + f"  # {sid(2)}: {{user_data: x}}\n",
            "manifests/b.yaml": rows(3),
        }
    )
    write(rows(3, 4), "manifests/b.yaml")

    assert since("HEAD").records == 3


def test_a_record_that_is_in_a_file_that_did_not_change_is_there_twice() -> None:
    commit(
        {"manifests/a.yaml": rows(1).replace(sid(1), sid(1).upper()), "manifests/b.yaml": rows(2)}
    )
    write(rows(2, 1, value="y"), "manifests/b.yaml")

    with pytest.raises(ProblemsError) as caught:
        since("HEAD")

    (problem,) = caught.value.problems
    assert problem.rule == "duplicate-address"
    assert "manifests/a.yaml" in f"{problem.source} {problem.message}"
    assert "manifests/b.yaml" in f"{problem.source} {problem.message}"


def test_a_file_that_did_not_change_is_not_parsed() -> None:
    commit({"manifests/broken.yaml": "messages: [\n", "manifests/b.yaml": rows(2)})
    write(rows(2, value="y"), "manifests/b.yaml")

    assert changed_since("HEAD") == [address(2)]


def test_a_manifest_that_is_broken_at_the_base_only_is_a_warning_that_names_the_revision(
    run: Run,
) -> None:
    name = commit({"manifests/a.yaml": rows(1) + "  nonsense: 1\n"})
    write(rows(1))

    repository = at_revision.repository(manifests())
    past, problems = at_revision.at_commit(name, repository, manifests(), NO_RULES)
    assert list(past.records) == [address(1)]
    assert {problem.severity for problem in problems} == {Severity.WARNING}

    result = run("plan", "--sandbox", "--base", "HEAD")
    assert f"{name[:7]}:manifests/a.yaml:3:" in result.err
    assert result.code == 4  # the record is none of the example's


def test_a_manifest_that_is_broken_now_is_an_error(run: Run) -> None:
    commit({"manifests/a.yaml": rows(1)})
    write("messages: [\n")

    assert run("plan", "--sandbox", "--since", "HEAD").code == 1
    assert "manifests/a.yaml:2:1" in run("plan", "--sandbox", "--base", "HEAD").err


@pytest.mark.parametrize("flag", ["--base", "--since"])
def test_a_tree_without_manifests_is_an_error(run: Run, flag: str) -> None:
    commit({"manifests/a.yaml": rows(1), "manifests/keep.txt": ""})
    Path("manifests/a.yaml").unlink()

    result = run("plan", "--sandbox", flag, "HEAD")

    assert result.code == 1
    assert "holds no records" in result.err


@pytest.mark.parametrize(
    "name",
    [
        "a b.yaml",
        "ü.yaml",
        "line\nbreak.yaml",
        '"quoted".yaml',
        "-x.yaml",
        "*.yaml",
        ":(top)a.yaml",
    ],
)
def test_odd_file_names_survive(name: str) -> None:
    commit({f"manifests/{name}": rows(1), "manifests/a.yaml": rows(2)})
    write(rows(1, value="y"), f"manifests/{name}")

    assert then("HEAD") == {address(1): "x"}


def test_manifests_may_be_in_a_folder_below_and_the_run_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit({"deep/er/manifests/a.yaml": rows(1), "manifests/a.yaml": rows(9)})
    write(rows(1, value="y"), "deep/er/manifests/a.yaml")
    monkeypatch.chdir("deep/er")
    assert then("HEAD") == {address(1): "x"}

    monkeypatch.chdir("manifests")
    named = manifests("../manifests/a.yaml")
    repository = at_revision.repository(named)
    past, _ = at_revision.at_commit(repository.commit("HEAD"), repository, named, NO_RULES)
    assert list(past.records) == [address(1)]
    assert past.records[address(1)].source.file == "a.yaml"


def test_a_worktree_and_a_detached_head_work(monkeypatch: pytest.MonkeyPatch) -> None:
    first = commit({"manifests/a.yaml": rows(1)})
    commit({"manifests/a.yaml": rows(1, value="y")})
    git("worktree", "add", "--quiet", "--detach", "tree")
    monkeypatch.chdir("tree")

    assert then(first) == {address(1): "x"}


def clone(*options: str) -> None:
    git("clone", "--quiet", *options, f"file://{Path.cwd()}", "clone")


@pytest.mark.parametrize(
    ("revision", "words"), [("HEAD~1", "fetch-depth: 0"), ("nowhere", "fetch-depth: 0")]
)
def test_a_revision_that_a_shallow_clone_lacks_names_the_cure(
    monkeypatch: pytest.MonkeyPatch, revision: str, words: str
) -> None:
    commit({"manifests/a.yaml": rows(1)})
    commit({"manifests/a.yaml": rows(1, value="y")})
    clone("--depth", "1")
    monkeypatch.chdir("clone")

    assert then("HEAD") == {}
    with pytest.raises(
        ReconcilerError, match=f"{revision}: there is no such revision here.*{words}"
    ):
        then(revision)


def test_a_revision_that_is_nowhere_is_named() -> None:
    commit({"manifests/a.yaml": rows(1)})

    for name in ("nowhere", "--output=x", "", "HEAD:manifests", "a\nb"):
        with pytest.raises(ReconcilerError, match="there is no such revision here: was it fetched"):
            then(name)


def test_a_clone_without_contents_fetches_none(monkeypatch: pytest.MonkeyPatch) -> None:
    commit({"manifests/a.yaml": rows(1)})
    commit({"manifests/a.yaml": rows(1, value="y")})
    git("config", "uploadpack.allowFilter", "true")
    clone("--filter", "blob:none")
    monkeypatch.chdir("clone")

    with pytest.raises(ReconcilerError, match="its content at that revision is not here"):
        then("HEAD~1")


def test_outside_a_repository_the_error_says_so(run: Run) -> None:
    write(rows(1))

    result = run("plan", "--sandbox", "--base", "HEAD")

    assert result.code == 1
    assert f"{Path.cwd()}: is not in a git repository" in result.err


def test_manifests_of_another_repository_are_refused(run: Run) -> None:
    commit({"here/manifests/a.yaml": rows(1)})
    elsewhere = Path("here").absolute()
    git("init", "--quiet", elsewhere)

    result = run(
        "plan",
        "--sandbox",
        "--base",
        "HEAD",
        "--manifests",
        elsewhere / "manifests",
        "--manifests",
        Path().absolute().parent,
    )

    assert result.code == 1


def test_a_submodule_is_named() -> None:
    commit({"manifests/a.yaml": rows(1)})
    other = Path("other")
    other.mkdir()
    git("init", "--quiet", "other")
    git("-C", "other", "commit", "--quiet", "--allow-empty", "--message", "x")
    git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        "./other",
        "manifests/sub",
    )
    commit()

    with pytest.raises(ReconcilerError, match="manifests/sub: is a submodule"):
        then("HEAD")


def test_nothing_of_the_repository_is_run() -> None:
    commit({"manifests/a.yaml": rows(1), ".gitattributes": "*.yaml filter=evil diff=evil\n"})
    trap = Path("trap.sh")
    trap.write_text("#!/bin/sh\ntouch sprung\ncat\n")
    trap.chmod(0o755)
    where = trap.absolute()
    for name in (
        "filter.evil.clean",
        "filter.evil.smudge",
        "diff.evil.textconv",
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.editor",
        "uploadpack.packObjectsHook",
    ):
        git("config", name, where)
    for hook in ("reference-transaction", "post-checkout", "pre-commit", "post-index-change"):
        path = Path(".git/hooks") / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{where}\n")
        path.chmod(0o755)
    write(rows(1, value="y"))

    assert then("HEAD") == {address(1): "x"}
    repository = Repository(Path())
    repository.record(f"{APPLIED}/x", repository.commit("HEAD"), None)
    assert not at_revision.matches_commit(repository, repository.commit("HEAD"), manifests())

    assert repository.known(f"{APPLIED}/x") == repository.commit("HEAD")
    assert not Path("sprung").exists()


def test_links_and_hidden_files_at_the_base_are_no_manifests() -> None:
    Path("manifests").mkdir()
    Path("manifests/link.yaml").symlink_to("/etc/passwd")
    commit(
        {"manifests/a.yaml": rows(1), "manifests/.hidden/b.yaml": rows(2), "manifests/c.txt": "x"}
    )
    Path("manifests/link.yaml").unlink()
    write(rows(1, value="y"))

    assert then("HEAD") == {address(1): "x"}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_files_name_in_git_is_the_one_that_git_gives_it(algorithm: str) -> None:
    git("init", "--quiet", "--object-format", algorithm, "repository")
    data = b"messages: {}\n\xff"
    named = (
        subprocess.run(
            ["git", "-C", "repository", "hash-object", "--stdin"],
            input=data,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )

    assert oid_of(data, like=named) == named


def test_the_cache_serves_past_manifests_too(folder: Path) -> None:
    from reconciler.manifests.cache import Cache

    commit({"manifests/a.yaml": rows(*range(500))})
    write(rows(*range(500), value="y"))
    repository = at_revision.repository(manifests())
    cache = Cache(folder / "kept")

    cold, _ = at_revision.at_commit(
        repository.commit("HEAD"), repository, manifests(cache=cache), NO_RULES
    )
    assert len(list((folder / "kept").iterdir())) == 1
    warm, _ = at_revision.at_commit(
        repository.commit("HEAD"), repository, manifests(cache=cache), NO_RULES
    )

    assert warm == cold
