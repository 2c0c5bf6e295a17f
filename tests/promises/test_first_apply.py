"""The first apply into an account meets values of other people, and stops before them."""

import json
from pathlib import Path

import pytest

from conftest import Run, Serve
from reconciler.sandbox.store import Store
from repository import commit, git
from writing import live, messages, sid, user_data, write

M = "manifests/a.yaml"
REF = "refs/reconciler/applied/sandbox.localhost"


@pytest.fixture(autouse=True)
def allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable that other tests run with."""
    monkeypatch.delenv("RECONCILER_ALLOW")


def holds(store: Store, number: int) -> object:
    return user_data(store, f"messages/{sid(number)}")


def nine(store: Store) -> None:
    """Nine hand-made live values, and manifests that want others."""
    live(store, {number: f"hand-made {number}" for number in range(9)})
    commit({M: messages(dict.fromkeys(range(9), "from git"))})


def test_hand_made_values_stop_it_until_they_are_allowed_once(run: Run, store: Store) -> None:
    nine(store)

    refused = run("apply", "--sandbox", "--auto-approve")
    kept = [holds(store, number) for number in range(9)]
    allowed = run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=9")
    again = run("plan", "--sandbox", "--detailed-exitcode")

    assert refused.code == 3
    assert "! max_overwrites: 9 records with a value that was never applied from git" in refused.out
    assert "No base: no commit is recorded as applied to sandbox.localhost." in refused.out
    assert "origin" not in refused.out.replace("never", "")
    assert kept == [f"hand-made {number}" for number in range(9)]
    assert allowed.code == 0
    assert again.code == 0
    assert "Compared with" in again.out


def test_after_it_a_change_in_git_and_drift_have_different_origins(run: Run, store: Store) -> None:
    nine(store)
    run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=9")
    live(store, {1: "theirs"})
    commit({M: messages(dict.fromkeys(range(9), "from git") | {0: "new"})})

    result = run("plan", "--sandbox", "--format", "json")

    rows = json.loads(result.out)["resource_changes"]
    assert [(row["name"], row["origin"]) for row in rows] == [
        (sid(0), "change"),
        (sid(1), "drift"),
    ]
    applied = run("apply", "--sandbox", "--auto-approve")
    assert applied.code == 0
    assert git("rev-parse", REF) == git("rev-parse", "HEAD")


@pytest.mark.parametrize("way", ["--base none", "no git"])
def test_where_no_base_is_known_nothing_is_ours(run: Run, store: Store, way: str) -> None:
    live(store, {1: "hand-made", 2: ""})
    write(messages({1: "from git", 2: "from git"}))
    flags = way.split() if way.startswith("--") else []

    result = run("apply", "--sandbox", "--auto-approve", *flags)

    assert result.code == 3
    assert (holds(store, 1), holds(store, 2)) == ("hand-made", "")


def test_a_value_can_be_kept_instead(run: Run, store: Store) -> None:
    live(store, {1: "hand-made", 2: None})
    write(messages({1: "from git", 2: "from git"}))

    result = run("apply", "--sandbox", "--auto-approve", "--resolve", f"messages/{sid(1)}=live")

    assert result.code == 0
    assert (holds(store, 1), holds(store, 2)) == ("hand-made", "from git")


def test_a_guard_that_cannot_count_is_said_to_be_unchecked_in_every_output(
    run: Run, store: Store
) -> None:
    live(store, {1: "hand-made"})
    write(messages({1: "from git"}))
    write("guards: {max_drift_reverts: 0, max_overwrites: null}\n", "reconciler.yaml")

    shown = run("plan", "--sandbox", "--out", "plan.json")
    document = json.loads(Path("plan.json").read_text())
    markdown, html = (run("show", "plan.json", "--format", one).out for one in ("markdown", "html"))

    assert "max_drift_reverts was not checked: without a base" in shown.out
    assert [(one["guard"], one["checked"]) for one in document["guards"]] == [
        ("max_change_percent", True),
        ("max_drift_reverts", False),
    ]
    for page in (markdown, html):
        assert "1 passed, 1 not checked" in page


def test_the_recorded_commit_may_be_gone(run: Run, store: Store) -> None:
    """A shallow clone or a forced push leaves a ref to a commit that is not here."""
    nine(store)
    run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=9")
    live(store, {1: "theirs"})
    gone = "1" * 40
    Path(".git", REF).write_text(f"{gone}\n")

    result = run("plan", "--sandbox")

    assert result.code == 0
    assert (
        "1111111, which was applied last to sandbox.localhost, is not in this clone" in result.out
    )
    assert "git fetch --unshallow" in result.out
    assert run("apply", "--sandbox", "--auto-approve").code == 3


def test_a_base_that_head_does_not_contain_is_named_as_such(run: Run, store: Store) -> None:
    nine(store)
    git("branch", "old")
    commit({M: messages(dict.fromkeys(range(9), "merged since"))})
    run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=9")
    git("checkout", "--quiet", "old")
    commit({"other.txt": "x"})

    result = run("plan", "--sandbox")

    assert "not in HEAD: merges since then would be undone" in result.out


def test_the_ref_of_an_earlier_version_is_replaced(run: Run, store: Store) -> None:
    nine(store)
    git("update-ref", "refs/reconciler/applied", "HEAD")

    first = run("apply", "--sandbox", "--auto-approve")
    allowed = run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=9")

    assert (first.code, allowed.code) == (3, 0)
    assert git("for-each-ref", "--format", "%(refname)", "refs/reconciler") == REF


def test_nothing_is_recorded_where_that_is_not_wanted(run: Run, store: Store) -> None:
    nine(store)

    run("apply", "--sandbox", "--auto-approve", "--allow", "max_overwrites=9", "--no-record")

    assert git("for-each-ref", "refs/reconciler") == ""


def test_since_a_branch_that_moved_on_shows_only_changes_of_this_one(
    run: Run, store: Store
) -> None:
    """Two hundred records were merged on main after this branch left it."""
    everything = dict.fromkeys(range(200), "old")
    commit({M: messages(everything)})
    git("checkout", "--quiet", "-b", "mine")
    commit({M: messages(everything | {0: "mine"})})
    git("checkout", "--quiet", "main")
    commit({M: messages(dict.fromkeys(range(200), "merged"))})
    merged: dict[int, str | None] = dict.fromkeys(range(200), "merged")
    live(store, merged | {0: "old"})
    git("checkout", "--quiet", "mine")

    result = run("plan", "--sandbox", "--since", "main", "--format", "json")
    text = run("plan", "--sandbox", "--since", "main").out

    document = json.loads(result.out)
    assert [row["name"] for row in document["resource_changes"]] == [sid(0)]
    assert document["source"]["base"] == git("merge-base", "main", "HEAD")
    assert "(where HEAD and main parted)" in text


@pytest.mark.usefixtures("store")
def test_since_without_a_common_commit_says_how_to_get_one(run: Run) -> None:
    commit({M: messages({1: "a"})})
    git("checkout", "--quiet", "--orphan", "other")
    commit({M: messages({1: "b"})})

    result = run("plan", "--sandbox", "--since", "main")

    assert result.code == 1
    assert "HEAD and main have no commit in common here" in result.err
    assert "git fetch --unshallow" in result.err


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (f"messages/{sid(1)}=live", "the record is in sync, so that there is nothing to keep"),
        (f"messages/{sid(7)}=live", "is in no manifest"),
        (f"messages/{sid(7)}=git", "is in no manifest"),
        (f"messages/{sid(2)}=git", "is left out by --target or --exclude"),
    ],
)
def test_a_choice_that_decides_nothing_is_an_error(
    run: Run, store: Store, choice: str, says: str
) -> None:
    live(store, {1: "x", 2: "y"})
    commit({M: messages({1: "x", 2: "x"})})

    result = run("plan", "--sandbox", "--base", "HEAD", "--exclude", sid(2), "--resolve", choice)

    assert result.code == 1
    assert f"--resolve {choice.partition('=')[0]}" in result.err
    assert says in result.err


def test_over_a_socket_each_address_has_a_ref_of_its_own(run: Run, serve: Serve) -> None:
    write("messages: {}\n")
    server = serve()
    commit({M: messages({1: None})})
    run("apply", "--auto-approve")

    run("sandbox", "seed", "--db", server.db, "--manifests", "manifests")
    result = run("apply", "--auto-approve")

    port = server.base_url.partition("//")[2].partition("/")[0].replace(":", "_")
    assert result.code == 0, result.err
    assert git("rev-parse", f"refs/reconciler/applied/{port}") == git("rev-parse", "HEAD")
