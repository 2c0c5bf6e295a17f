"""A plan as an approval: why a record differs, what stops an apply, what exactly is applied."""

import json
import os
from pathlib import Path

import pytest

from conftest import Result, Run
from plan_documents import origins, planned
from reconciler.sandbox.store import Store
from repository import commit, git
from writing import live, messages, sid, user_data, write

M = "manifests/a.yaml"


def holds(store: Store, number: int) -> object:
    return user_data(store, f"messages/{sid(number)}")


def world(store: Store) -> None:
    """Records of every row of the table: git's base and head, and what is live."""
    commit({M: messages({1: "x", 2: "x", 3: "x", 4: {"a": 1, "b": 1}, 5: "x", 8: "x"})})
    write(messages({1: "x", 2: "y", 3: "x", 4: {"a": 2, "b": 1}, 6: "new", 7: "new", 8: "y"}))
    live(
        store,
        {1: "x", 2: "x", 3: "drifted", 4: '{"a":1,"b":5}', 5: "x", 6: None, 7: "theirs", 8: "y"},
    )


def test_each_record_says_why_it_differs(run: Run, store: Store) -> None:
    world(store)

    plan = planned(run, "--base", "HEAD")

    assert origins(plan) == {2: "change", 3: "drift", 4: "both", 6: "change", 7: "adopt"}
    assert [row["address"] for row in plan["released"]] == [f"messages/{sid(5)}"]
    assert plan["source"]["base"] == git("rev-parse", "HEAD")
    assert (plan["source"]["head"], plan["source"]["base_is"]) == (None, "HEAD")
    assert plan["summary"]["origins"] == {"change": 2, "drift": 1, "both": 1, "adopt": 1}
    text = run("plan", "--sandbox", "--base", "HEAD").out
    assert text.startswith(f"Compared with {plan['source']['base'][:7]} (HEAD).\n")
    assert "Origin: 2 change, 1 drift, 1 both, 1 adopt." in text
    assert "1 record was removed from git; its live value is kept:" in text


def test_without_a_base_no_live_value_counts_as_one_of_git(run: Run, store: Store) -> None:
    world(store)

    found = planned(run)["resource_changes"]

    assert all(
        row["origin"] == ("adopt" if row["change"]["before"]["user_data"] else "change")
        for row in found
    )


def test_only_changes_of_the_wanted_origin_are_written(run: Run, store: Store) -> None:
    world(store)

    result = run("apply", "--sandbox", "--base", "HEAD", "--only", "change", "--auto-approve")

    assert result.code == 0
    assert [holds(store, n) for n in (2, 3, 6, 7)] == ["y", "drifted", "new", "theirs"]
    assert "3 left alone" in result.out
    assert "Only changes of origin change are written." in result.out


def test_what_both_sides_changed_is_merged_and_then_in_sync(run: Run, store: Store) -> None:
    world(store)
    only = ("--base", "HEAD", "--only", "both")

    assert run("apply", "--sandbox", *only, "--auto-approve").code == 0

    assert holds(store, 4) == '{"a":2,"b":5}'
    assert planned(run, *only)["resource_changes"] == []


@pytest.mark.parametrize("base", [(), ("--base", "none")])
def test_what_needs_a_base_says_so(run: Run, base: tuple[str, ...]) -> None:
    write(messages({1: "x"}))

    result = run("plan", "--sandbox", "--only=change", *base)

    assert result.code == 64
    assert "--only needs a base" in result.err


def conflict(store: Store) -> None:
    commit({M: messages({1: {"a": "base", "b": 1}, 2: "x"})})
    write(messages({1: {"a": "git", "b": 1}, 2: "y"}))
    live(store, {1: '{"a":"live","b":2}', 2: "x"})


def test_a_conflict_stops_everything_and_names_the_ways_out(run: Run, store: Store) -> None:
    conflict(store)

    shown = run("plan", "--sandbox", "--base", "HEAD", "--detailed-exitcode", "--out", "plan.json")
    saved = run("apply", "--sandbox", "plan.json")
    fresh = run("apply", "--sandbox", "--base", "HEAD", "--auto-approve")

    assert shown.code == 2
    assert "1 conflict: git and another client changed the same values since the base." in shown.out
    for side, value in (("base", "base"), ("git ", "git"), ("live", "live")):
        assert f'          {side} "{value}"\n' in shown.out
    assert f"--resolve messages/{sid(1)}=git" in shown.out
    assert (saved.code, fresh.code) == (3, 3)
    assert "1 conflict in the plan (above): nothing was written" in saved.err
    assert (holds(store, 1), holds(store, 2)) == ('{"a":"live","b":2}', "x")


@pytest.mark.parametrize(
    ("choice", "after"), [("git", '{"a":"git","b":2}'), ("live", '{"a":"live","b":2}')]
)
def test_a_choice_settles_one_record(run: Run, store: Store, choice: str, after: str) -> None:
    conflict(store)

    result = run(
        "apply",
        "--sandbox",
        "--base",
        "HEAD",
        "--auto-approve",
        "--resolve",
        f"messages/{sid(1)}={choice}",
    )

    assert result.code == 0
    assert (holds(store, 1), holds(store, 2)) == (after, "y")


def test_a_choice_keeps_a_live_value_that_only_drifted(run: Run, store: Store) -> None:
    commit({M: messages({1: "x", 2: "y"})})
    live(store, {1: "theirs", 2: "theirs too"})
    flags = ("--sandbox", "--base", "HEAD", "--resolve", f"messages/{sid(1)}=live")

    result = run("apply", "--auto-approve", *flags)
    again = run("plan", *flags)

    assert result.code == 0
    assert (holds(store, 1), holds(store, 2)) == ("theirs", "y")
    assert "1 left alone" in again.out


def test_a_merged_record_loses_no_key_of_others_to_a_text(run: Run, store: Store) -> None:
    rules('{paths: ["manifests/**"], mode: merge}')
    commit({M: messages({1: {"a": {"x": 1}}})})
    write(messages({1: {"a": "off"}}))
    live(store, {1: '{"a":{"x":1,"theirs":2}}'})

    refused = run("apply", "--sandbox", "--base", "HEAD", "--auto-approve")

    assert refused.code == 3
    assert "! a:" in refused.out
    assert holds(store, 1) == '{"a":{"x":1,"theirs":2}}'


@pytest.mark.parametrize("text", ["x=git", f"messages/{sid(1)}", f"messages/{sid(1)}=mine", "=git"])
def test_a_choice_that_is_none_is_explained(run: Run, text: str) -> None:
    commit({M: messages({1: "x"})})

    result = run("plan", "--sandbox", "--base", "HEAD", "--resolve", text)

    assert result.code == 64
    assert "expected a record and the side whose value it takes" in result.err


def rules(*texts: str) -> None:
    write("version: 1\nrules:\n" + "".join(f"  - {text}\n" for text in texts), "reconciler.yaml")


def test_in_a_merged_record_keys_of_others_live_on(run: Run, store: Store) -> None:
    rules('{paths: ["manifests/**"], mode: merge}')
    commit({M: messages({1: {"a": "1", "b": "1"}, 2: {"a": "1"}})})
    write(messages({1: {"a": "2"}, 2: {"a": "1"}}))
    live(store, {1: '{"a":"1","b":"1","z":"9"}', 2: '{"a":"1","z":"9"}'})

    plan = planned(run, "--base", "HEAD")
    assert run("apply", "--sandbox", "--base", "HEAD", "--auto-approve").code == 0

    assert origins(plan) == {1: "change"}
    assert plan["resource_changes"][0]["change"]["after"]["user_data"] == '{"a":"2","z":"9"}'
    assert (holds(store, 1), holds(store, 2)) == ('{"a":"2","z":"9"}', '{"a":"1","z":"9"}')


def test_a_record_that_left_git_is_cleared_where_a_rule_says_so(run: Run, store: Store) -> None:
    rules('{paths: ["manifests/clear/**"], removed: clear}')
    commit(
        {
            M: messages({1: "x", 2: "x"}),
            "manifests/clear/b.yaml": messages({3: "x", 4: "x", 5: "x"}),
        }
    )
    write(messages({1: "x"}))
    write(messages({5: "x"}), "manifests/clear/b.yaml")
    live(store, dict.fromkeys(range(1, 6), "x"))
    live(store, {4: None})

    plan = planned(run, "--base", "HEAD")
    text = run("plan", "--sandbox", "--base", "HEAD").out
    assert run("apply", "--sandbox", "--base", "HEAD", "--auto-approve").code == 0

    (change,) = plan["resource_changes"]
    assert (change["action"], change["origin"], change["released"]) == ("clear", "change", True)
    assert "no longer in git" in text
    assert f"{git('rev-parse', '--short=7', 'HEAD')}:manifests/clear/b.yaml:2" in text
    assert [row["address"] for row in plan["released"]] == [f"messages/{sid(2)}"]
    assert [holds(store, n) for n in range(1, 6)] == ["x", "x", None, None, "x"]


def test_a_record_that_left_git_and_was_changed_by_somebody_is_a_conflict(
    run: Run, store: Store
) -> None:
    rules('{paths: ["manifests/**"], removed: clear}')
    commit({M: messages({1: "x", 2: "x"})})
    write(messages({1: "x"}))
    live(store, {1: "x", 2: "theirs"})

    assert run("apply", "--sandbox", "--base", "HEAD", "--auto-approve").code == 3
    assert holds(store, 2) == "theirs"


def test_the_last_rule_wins_and_validate_says_which(run: Run) -> None:
    rules(
        '{paths: ["manifests/**"], mode: merge}',
        '{paths: ["manifests/a*"], mode: replace}',
        '{paths: ["nowhere/**"], mode: merge}',
        '{paths: ["manifests/**"], mode: replace}',
    )
    write(messages({1: "x"}))

    result = run("validate")

    assert result.code == 0
    assert "reconciler.yaml:5:5" in result.err
    assert "rule 3 (nowhere/**) matches no manifest" in result.err
    assert "rule 2 overrides rule 1 for 1 file: they set different values of `mode`" in result.err
    assert "rule 4" not in result.err  # it says what rule 2 says
    assert json.loads(run("validate", "--format", "json").out)["problems"]


# ---- guards


def crowd(store: Store, changed: int, total: int = 20) -> None:
    live(store, dict.fromkeys(range(total), "old"))
    write(messages({n: "new" if n < changed else "old" for n in range(total)}))


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        ({"a": {"b": 1}}, {"a": {}}, True),
        ({"a": {"b": 1}}, {}, True),
        ({"a": {"b": 1}, "c": 1}, {"c": 1}, True),
        ({"a": 1}, {"a": "1"}, True),
        ({"a": 1}, {"a": True}, True),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": [1]}, {"a": [1, 2]}, True),
        ({"__a": 1}, {"__a": 2}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, False),
        ("text", {"a": 1}, True),
        (None, {"a": 1}, False),
    ],
)
def test_a_loss_is_counted_wherever_it_is(
    run: Run, store: Store, before: object, after: object, counts: bool
) -> None:
    text = before if before is None or isinstance(before, str) else json.dumps(before)
    live(store, dict.fromkeys(range(10), text))
    write(messages(dict.fromkeys(range(10), after)))

    (found,) = [one for one in planned(run)["guards"] if one["guard"] == "max_change_percent"]

    assert found["value"] == (100.0 if counts else 0.0)


def test_of_few_records_the_share_is_told_as_it_is_and_stops_nothing(
    run: Run, store: Store
) -> None:
    live(store, dict.fromkeys(range(1, 10), "a"))
    write(messages(dict.fromkeys(range(1, 10), "b")))

    (guard_result,) = [
        one for one in planned(run)["guards"] if one["guard"] == "max_change_percent"
    ]

    assert (guard_result["value"], guard_result["ok"]) == (100.0, True)
    shown = run("plan", "--sandbox", "--format", "markdown").out
    assert "| 100.0 % | 30 %, for 10 records or more |" in shown
    assert run("apply", "--sandbox", "--auto-approve").code == 0


def test_a_mass_rewrite_is_shown_whole_and_not_applied(run: Run, store: Store) -> None:
    crowd(store, 7)

    shown = run("plan", "--sandbox", "--out", "plan.json")
    refused = run("apply", "--sandbox", "plan.json")

    assert shown.code == 0
    assert "max_change_percent: 35.0 % of the managed records would have all or part" in shown.out
    assert f"    messages/{sid(0)}\n" in shown.out
    assert "To allow it once: --allow max_change_percent=35" in shown.out
    assert "Plan: 0 to add, 7 to change, 0 to destroy." in shown.out
    assert refused.code == 3
    assert "refused by max_change_percent (above): nothing was written" in refused.err
    assert holds(store, 0) == "old"


def test_what_is_allowed_once_is_said_in_every_output(run: Run, store: Store) -> None:
    crowd(store, 7)
    flag = ("--allow", "max_change_percent=35", "--allow", "max_overwrites=20")

    planned_with = run("plan", "--sandbox", "--out", "plan.json", *flag)
    shown = run("show", "plan.json")
    document = json.loads(run("show", "plan.json", "--format", "json").out)
    applied = run("apply", "--sandbox", "plan.json")

    for result in (planned_with, shown, applied):
        assert "Allowed once, up to 35 %." in result.out
    assert [(g["guard"], g["ok"], g["allowed"]) for g in document["guards"]] == [
        ("max_change_percent", True, 35),
        ("max_overwrites", True, 20),
    ]
    assert applied.code == 0
    assert holds(store, 0) == "new"


def test_what_is_not_enough_is_refused(run: Run, store: Store) -> None:
    crowd(store, 7)
    run("plan", "--sandbox", "--out", "plan.json")

    assert run("apply", "--sandbox", "plan.json", "--allow", "max_change_percent=34").code == 3
    assert run("apply", "--sandbox", "plan.json", "--allow", "max_change_percent=35").code == 0


def test_filling_empty_fields_is_no_rewrite_and_few_records_have_no_percentage(
    run: Run, store: Store
) -> None:
    crowd(store, 20)
    live(store, dict.fromkeys(range(20)))
    assert run("apply", "--sandbox", "--auto-approve").code == 0

    crowd(store, 9, total=9)
    assert run("apply", "--sandbox", "--auto-approve").code == 0


def test_a_part_is_one_of_all_records_of_the_manifests(run: Run, store: Store) -> None:
    crowd(store, 20, total=200)

    assert (
        run("apply", "--sandbox", "--target", f"messages/{sid(1)[:7]}*", "--auto-approve").code == 0
    )


@pytest.mark.parametrize(
    ("guard", "limit", "value"),
    [
        ("max_changes", 6, 7),
        ("max_clears", 1, 2),
        ("max_overwrites", 0, 2),
        ("max_drift_reverts", 0, 2),
    ],
)
def test_each_guard_names_its_limit_its_value_and_its_records(
    run: Run, store: Store, guard: str, limit: int, value: int
) -> None:
    limits = {"max_change_percent": None, "max_overwrites": None, guard: limit}
    write(json.dumps({"guards": limits}), "reconciler.yaml")
    commit({M: messages({1: "x", 2: "x", 3: "x", 4: "x", 5: "x"})})
    write(messages({1: None, 2: None, 3: "y", 4: "x", 5: "x", 6: "new", 7: "new"}))
    live(store, {1: "x", 2: "x", 3: "x", 4: "theirs", 5: "theirs", 6: "theirs", 7: "theirs"})
    base = ("--base", "HEAD", "--auto-approve")
    os.environ.pop("RECONCILER_ALLOW")  # the fixture `folder` sets it anew

    refused = run("apply", "--sandbox", *base)
    allowed = run("apply", "--sandbox", *base, "--allow", f"{guard}={value}")

    assert refused.code == 3
    assert f"! {guard}: {value} records" in refused.out
    assert f"the limit is {limit}." in refused.out
    assert refused.out.count("\n    messages/") == value
    assert f"--allow {guard}={value}" in refused.err
    assert allowed.code == 0


@pytest.mark.parametrize(
    "text", ["max_clear=1", "max_clears", "max_clears=-1", "max_clears=x", "max_clears=²"]
)
def test_an_allowance_that_is_none_is_explained(run: Run, text: str) -> None:
    write(messages({1: "x"}))

    result = run("plan", "--sandbox", "--allow", text)

    assert result.code == 64
    assert "max_clears" in result.err


# ---- since


@pytest.mark.slow
def test_since_reads_just_what_changed_and_says_so(run: Run, store: Store) -> None:
    live(store, dict.fromkeys(range(2000), "x"))
    commit(
        {
            f"manifests/{f}.yaml": messages(dict.fromkeys(range(f * 200, f * 200 + 200), "x"))
            for f in range(10)
        }
    )
    live(store, {1999: "drifted"})
    changed = dict.fromkeys(range(200), "x") | {3: "y", 4: "y"}
    write(messages(changed), "manifests/0.yaml")

    result = run("plan", "--sandbox", "--since", "HEAD", "--log-format", "json")

    asked = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    assert sorted(one["path"].rpartition("/")[2] for one in asked) == [sid(3), sid(4)]
    name = git("rev-parse", "--short=7", "HEAD")
    assert (
        f"Checked 2 of 2,000 records (changed since {name}). Drift elsewhere not checked."
        in result.out
    )
    assert result.out.endswith("Plan: 0 to add, 2 to change, 0 to destroy.\n")


def test_since_without_changes_asks_for_nothing(run: Run, store: Store) -> None:
    live(store, {1: "drifted"})
    commit({M: messages({1: "x"})})

    result = run(
        "plan", "--sandbox", "--since", "HEAD", "--detailed-exitcode", "--log-format", "json"
    )

    assert (result.code, "{" in result.err) == (0, False)
    assert "Checked 0 of 1 record (changed since" in result.out


def test_the_base_may_be_older_than_what_was_looked_at(run: Run, store: Store) -> None:
    live(store, {1: "old", 2: "old"})
    first = commit({M: messages({1: "old", 2: "old"})})
    commit({M: messages({1: "old", 2: "newer"})})
    write(messages({1: "old", 2: "newest"}))

    assert origins(planned(run, "--since", "HEAD")) == {}
    assert planned(run, "--since", "HEAD")["summary"]["conflicts"] == 1
    assert origins(planned(run, "--since", "HEAD", "--base", first)) == {2: "change"}


# ---- base auto


def branched() -> tuple[str, str]:
    """A clone on a branch of its own: where it left main, and main's tip."""
    write(messages({1: "x"}))
    left = commit()
    git("clone", "--quiet", "--no-local", ".", "clone")
    tip = commit({M: messages({1: "main"})})
    git("fetch", "--quiet", folder="clone")
    git("checkout", "--quiet", "-b", "mine", folder="clone")
    Path("clone", M).write_text(messages({1: "mine"}))
    git(
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.com",
        "commit",
        "--quiet",
        "-am",
        "mine",
        folder="clone",
    )
    return left, tip


def base_of(run: Run, folder: str = "clone") -> tuple[str, str]:
    source = planned(run, "--base", "auto", "--chdir", folder)["source"]
    return source["base"], source["base_is"]


def test_auto_is_where_the_branch_left_the_default_one(run: Run) -> None:
    left, _ = branched()

    assert base_of(run) == (left, "where this branch left origin/HEAD")


def test_auto_follows_what_the_ci_system_says(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    left, tip = branched()

    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert base_of(run) == (left, "where this branch left origin/main")
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", tip)
    assert base_of(run, ".") == (tip, "the base of this merge request")


def test_auto_is_the_last_applied_commit_once_there_is_one(run: Run, store: Store) -> None:
    live(store, {1: "old"})
    commit({M: messages({1: "x"})})
    applied = run("apply", "--sandbox", "--auto-approve", "--record")
    name = git("rev-parse", "HEAD")
    commit({M: messages({1: "y"})})

    assert f"Recorded {name[:7]} as applied" in applied.err
    assert base_of(run, ".") == (name, "applied last to sandbox.localhost")
    assert origins(planned(run, "--base", "auto")) == {1: "change"}


@pytest.mark.parametrize("narrowed", [("--target", M), ("--base", "HEAD", "--only", "change")])
def test_only_a_whole_apply_of_a_commit_is_recorded(
    run: Run, store: Store, narrowed: tuple[str, ...]
) -> None:
    live(store, {1: "old"})
    commit({M: messages({1: "x"})})

    result = run("apply", "--sandbox", "--auto-approve", "--record", *narrowed)
    write(messages({1: "dirty"}))
    dirty = run("apply", "--sandbox", "--auto-approve", "--record")

    assert "Not recorded: a part of the records" in result.err
    assert "Not recorded: the manifests are not those of a commit." in dirty.err
    assert git("for-each-ref", "refs/reconciler") == ""


def test_what_was_merged_before_what_was_applied_last_is_not_applied_again(
    run: Run, store: Store
) -> None:
    live(store, {1: "b"})
    commit({M: messages({1: "b"})})
    names = [git("rev-parse", "HEAD")]
    run("apply", "--sandbox", "--auto-approve", "--record")
    for value in ("c", "b"):  # a change, and what reverts it
        commit({M: messages({1: value})})
        names.append(git("rev-parse", "HEAD"))
        flags = ("--since", "HEAD~1", "--record")
        assert run("apply", "--sandbox", "--auto-approve", *flags).code == 0
    git("checkout", "--quiet", names[1])

    again = run("apply", "--sandbox", "--auto-approve", "--since", names[0], "--record")

    assert again.code == 5
    assert f"{names[1][:7]} comes before {names[2][:7]}, which was applied last" in again.err
    assert holds(store, 1) == "b"
    assert git("rev-parse", "refs/reconciler/applied/sandbox.localhost") == names[2]


def test_where_nothing_has_to_be_read_no_token_is_needed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit({M: messages({1: "x"})})
    commit({"README.md": "words"})
    monkeypatch.setenv("CARRIERX_TOKEN", "")

    result = run("plan", "--since", "HEAD~1")

    assert result.code == 0
    assert "No changes." in result.out
    needed = run("plan")
    assert needed.code == 1
    assert "no token: set CARRIERX_TOKEN" in needed.err


def test_without_anything_to_go_by_auto_asks_for_a_name(run: Run) -> None:
    commit({M: messages({1: "x"})})

    result = run("plan", "--sandbox", "--base", "auto")

    assert result.code == 1
    assert "name the base, as in --base origin/main" in result.err


# ---- saved plans, and digests that were approved


def approved(run: Run, *arguments: str) -> str:
    digest: str = planned(run, *arguments)["digest"]
    return digest


def test_an_approved_digest_is_applied_without_a_file(run: Run, store: Store) -> None:
    world(store)
    digest = approved(run, "--base", "HEAD", "--exclude", f"messages/{sid(7)}")

    result = run(
        "apply",
        "--sandbox",
        "--base",
        "HEAD",
        "--exclude",
        f"messages/{sid(7)}",
        "--expect",
        digest,
    )

    assert result.code == 0
    assert holds(store, 2) == "y"


def since_base(store: Store) -> tuple[str, ...]:
    commit({M: messages(dict.fromkeys(range(20), "x"))})
    live(store, dict.fromkeys(range(20), "x"))
    write(messages(dict.fromkeys(range(4), "y") | dict.fromkeys(range(4, 20), "x")))
    return ("--since", "HEAD")


@pytest.mark.parametrize("by", ["digest", "file"])
def test_a_record_that_moved_since_the_approval_is_named_and_nothing_is_written(
    run: Run, store: Store, by: str
) -> None:
    flags = since_base(store)
    run("plan", "--sandbox", *flags, "--out", "approved.json")
    expected = approved(run, *flags) if by == "digest" else "approved.json"
    write("guards: {max_drift_reverts: null}\n", "reconciler.yaml")
    live(store, {1: "y "})  # not what was approved, and not what is wanted

    result = run(
        "apply", "--sandbox", *flags, "--exclude", f"messages/{sid(9)}", "--expect", expected
    )

    assert result.code in (3, 5)
    assert f"messages/{sid(1)}" in result.err + result.out
    assert [holds(store, n) for n in range(3)] == ["x", "y ", "x"]


@pytest.mark.parametrize("by", ["digest", "file"])
def test_what_is_left_of_an_approved_plan_is_what_was_approved(
    run: Run, store: Store, by: str
) -> None:
    flags = since_base(store)
    run("plan", "--sandbox", *flags, "--out", "approved.json")
    expected = approved(run, *flags) if by == "digest" else "approved.json"
    live(store, {1: "y"})  # as if a run had been killed behind it

    result = run("apply", "--sandbox", *flags, "--expect", expected)

    assert result.code == 0
    assert "this is the rest" in result.err
    assert [holds(store, n) for n in range(4)] == ["y"] * 4


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        ({0: "y", 1: "y", 2: "y", 3: "y", 4: "y"}, "was not in the approved plan"),
        ({0: "y", 1: "y", 2: "y", 3: "z"}, "its new value is not the approved one"),
        ({0: "y", 1: "y", 2: "y"}, "was in the approved plan and is not in this one"),
    ],
)
def test_another_commit_is_another_plan(
    run: Run, store: Store, edit: dict[int, object], word: str
) -> None:
    flags = since_base(store)
    run("plan", "--sandbox", *flags, "--out", "approved.json")
    write(messages(dict.fromkeys(range(20), "x") | edit))

    result = run("apply", "--sandbox", *flags, "--expect", "approved.json")

    assert result.code == 5
    assert word in result.err
    assert holds(store, 0) == "x"


def test_a_digest_alone_tells_as_much_as_it_can(run: Run, store: Store) -> None:
    world(store)

    result = run("apply", "--sandbox", "--base", "HEAD", "--expect", "sha256:" + "0" * 64)

    assert result.code == 5
    assert f"\n  messages/{sid(3)}: its live value is not what git held\n" in result.err
    assert "--expect FILE names the records" in result.err


@pytest.mark.parametrize("text", ["sha256:12", "nowhere.json", "md5:0"])
def test_an_expectation_that_is_none_is_explained(run: Run, text: str) -> None:
    write(messages({1: "x"}))

    assert run("apply", "--sandbox", "--expect", text).code == 64


def test_a_saved_plan_can_be_expected_too(run: Run, store: Store) -> None:
    since_base(store)
    run("plan", "--sandbox", "--out", "plan.json")
    digest = approved(run)

    assert run("apply", "--sandbox", "plan.json", "--expect", "sha256:" + "0" * 64).code == 5
    assert run("apply", "--sandbox", "plan.json", "--expect", digest).code == 0


def test_the_same_input_makes_the_same_bytes_but_for_one_line(run: Run, store: Store) -> None:
    world(store)
    for name in ("one.json", "two.json"):
        run("plan", "--sandbox", "--base", "HEAD", "--out", name)

    one, two = (Path(name).read_text().splitlines() for name in ("one.json", "two.json"))

    assert [line for line in one if not line.startswith('"meta":')] == [
        line for line in two if not line.startswith('"meta":')
    ]


def test_two_plans_are_compared_record_by_record(run: Run, store: Store) -> None:
    live(store, {1: "a", 2: "a", 3: "a", 4: "a", 5: "a"})
    write(messages({1: "b", 2: "b", 3: "b", 4: "b"}))
    run("plan", "--sandbox", "--out", "old.json")
    live(store, {3: "moved"})
    write(messages({2: "c", 3: "b", 4: "b", 5: "b"}))
    run("plan", "--sandbox", "--out", "new.json")

    text = run("show", "--diff", "old.json", "new.json").out
    rows = json.loads(run("show", "--diff", "old.json", "new.json", "--format", "json").out)
    same = run("show", "--diff", "new.json", "new.json").out

    names = {1: "removed", 2: "rewritten", 3: "moved", 5: "added"}
    assert {n: rows[name] for n, name in names.items()} == {
        n: [f"messages/{sid(n)}"] for n in names
    }
    assert "Since the old plan: 1 added, 1 removed, 2 changed, 1 unchanged." in text
    assert f"  - messages/{sid(1)} only in the old plan (manifests/a.yaml:2)" in text
    assert same.endswith("Both plans make the same changes.\n")


@pytest.mark.parametrize("arguments", [(), ("a.json", "--diff", "a.json", "b.json")])
def test_show_takes_one_plan_or_two(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("show", *arguments).code == 64


# ---- sensitive values


CANARY = "canary-7f3a"


def secretive(store: Store, wanted: object, was: str | None) -> None:
    schema = {
        "properties": {
            "token": {"writeOnly": True},
            "in": {"properties": {"pin": {"writeOnly": True}}},
        }
    }
    write(json.dumps(schema), "schemas/secret.json")
    rules('{paths: ["manifests/**"], user_data_schema: schemas/secret.json}')
    write(
        messages(
            {
                1: wanted,
                2: {"token": "same-as-another", "n": 1},
                3: {"token": "same-as-another", "n": 1},
            }
        )
    )
    live(store, {1: was, 2: '{"token":"x"}', 3: '{"token":"y"}'})


@pytest.mark.parametrize(
    ("wanted", "was"),
    [
        ({"token": f"{CANARY}-new", "seen": "ok"}, f'{{"token":"{CANARY}-old","seen":"was"}}'),
        ({"token": f"{CANARY}-new"}, None),
        (None, f'{{"token":"{CANARY}-old"}}'),
        ({"in": {"pin": CANARY, "n": 1}}, '{"in":{"pin":"0","n":1}}'),
        ({"in": {"pin": CANARY}}, "{}"),
        ({"seen": "ok"}, f"token={CANARY}"),
        ("text", f"token={CANARY}"),
        ({"token": "x"}, f'{{"token":"{CANARY}","token":"{CANARY}"}}'),
        ({"token": {"deep": [CANARY]}}, f'[{{"token":"{CANARY}"}}]'),
    ],
)
def test_a_sensitive_value_is_in_no_output_and_is_written_all_the_same(
    run: Run, store: Store, wanted: object, was: str | None
) -> None:
    secretive(store, wanted, was)
    results: list[Result] = [run("validate")]

    for format_ in ("text", "json"):
        results.append(run("plan", "--sandbox", "--format", format_, "--out", "plan.json"))
        results.append(run("show", "plan.json", "--format", format_))
        results.append(run("show", "--diff", "plan.json", "plan.json", "--format", format_))
    shown = run("show", "plan.json", "--format", "json").out
    results.append(run("apply", "--sandbox", "plan.json"))

    for result in results:
        assert CANARY not in result.out + result.err
    assert results[-1].code == 0
    assert Path("plan.json").stat().st_mode & 0o777 == 0o600
    now = holds(store, 1)
    assert now == wanted or json.loads(str(now)) == wanted
    assert json.loads(shown)["redacted"] is True


def test_equal_sensitive_values_look_equal(run: Run, store: Store) -> None:
    import re

    secretive(store, None, None)

    out = run("plan", "--sandbox", "--out", "plan.json").out
    again = run("show", "plan.json").out

    marks = re.findall(r"\(sensitive [0-9a-f]{16}\)", out)
    assert len(marks) == 4
    assert (marks[1], marks[0] == marks[2]) == (marks[3], False)
    assert re.findall(r"\(sensitive [0-9a-f]{16}\)", again) == marks


def test_what_was_shown_is_not_applied(run: Run, store: Store) -> None:
    secretive(store, None, None)
    Path("shown.json").write_text(run("plan", "--sandbox", "--format", "json").out)

    result = run("apply", "--sandbox", "shown.json")

    assert result.code == 1
    assert "lacks the sensitive values" in result.err


def test_a_sensitive_conflict_is_masked(run: Run, store: Store) -> None:
    write('{"properties": {"token": {"writeOnly": true}}}', "schemas/secret.json")
    rules('{paths: ["manifests/**"], user_data_schema: schemas/secret.json}')
    commit({M: messages({1: {"token": f"{CANARY}-1"}})})
    write(messages({1: {"token": f"{CANARY}-2"}}))
    live(store, {1: f'{{"token":"{CANARY}-3"}}'})

    for format_ in ("text", "json"):
        result = run(
            "plan", "--sandbox", "--base", "HEAD", "--format", format_, "--out", "plan.json"
        )
        shown = run("show", "plan.json", "--format", format_)
        assert CANARY not in result.out + result.err + shown.out
        assert "(sensitive " in shown.out
