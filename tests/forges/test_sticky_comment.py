"""The one comment of a pull request, on stand-ins for the hosts: found, updated, never many."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

import forge_servers
from conftest import Result, Run
from forge_servers import TOKEN, Host, serving
from planned import URL, large, mixed
from reconciler.model import Meta, Plan, Revisions
from reconciler.planning import plan_file
from reconciler.planning.digest import digest
from repository import commit


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host, and the environment of a job of its CI."""
    if request.param == "github":
        environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_REF": "refs/pull/7/merge",
        }
        made, answer, url = Host("github-actions[bot]"), forge_servers.github, "GITHUB_API_URL"
    else:
        environment = {
            "GITLAB_CI": "true",
            "GITLAB_TOKEN": TOKEN,
            "CI_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_IID": "7",
        }
        made, answer, url = Host("bot"), forge_servers.gitlab, "CI_API_V4_URL"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with serving(made, answer):
        suffix = "/api/v4" if request.param == "gitlab" else ""
        monkeypatch.setenv(url, made.url + suffix)
        yield made


def saved(plan: Plan, name: str = "plan.json") -> Path:
    Path(name).write_text("".join(plan_file.write(plan)), "utf-8")
    return Path(name)


def of(plan: Plan, *numbers: int) -> Plan:
    """A plan of some of the changes of another, complete and without guards."""
    changes = tuple(plan.changes[number] for number in numbers)
    return structs.replace(
        plan, changes=changes, digest=digest(URL, changes), unreadable=(), guards=()
    )


PLAN = of(large(40), *range(30))
EMPTY = of(PLAN)


def ok(result: Result) -> Result:
    assert result.code == 0, result.err
    return result


def test_a_comment_is_posted_and_its_address_printed(run: Run, host: Host) -> None:
    result = ok(run("comment", saved(PLAN)))

    (body,) = host.bodies()
    assert result.out == f"{host.comments[0]['html_url']}\n"
    assert body.startswith("<!-- reconciler:plan v=1 name=api.carrierx.com digest=sha256:")
    assert "30 of 81 records would change" in body


def test_the_same_plan_again_edits_the_comment_among_hundreds_of_others(
    run: Run, host: Host
) -> None:
    host.others(150)
    ok(run("comment", saved(PLAN)))
    host.others(150)
    notified = host.notified

    result = ok(run("comment", saved(PLAN)))

    assert "Updated." in result.err
    assert len(host.bodies()) == 1
    assert host.notified == notified


def test_a_smaller_plan_edits_the_comment_and_a_grown_one_replaces_it(run: Run, host: Host) -> None:
    ok(run("comment", saved(of(PLAN, 0, 1, 2))))
    first = host.notified
    ok(run("comment", saved(of(PLAN, 0, 2))))
    assert host.notified == first
    assert "2 of 81 records" in host.bodies()[-1]

    ok(run("comment", saved(of(PLAN, 0, 2, 5))))

    assert host.notified == first + 1
    shown = [body for body in host.bodies() if "### user_data plan" in body]
    assert len(shown) == 1
    assert "3 of 81 records" in shown[0]


def test_of_a_plan_too_large_to_know_each_change_anything_else_is_more(
    run: Run, host: Host
) -> None:
    plan = structs.replace(large(900), unreadable=(), guards=())
    ok(run("comment", saved(plan)))
    ok(run("comment", saved(plan)))
    assert host.notified == 1

    ok(run("comment", saved(of(plan, *range(899)))))

    assert host.notified == 2


def test_a_plan_without_changes_is_not_worth_a_comment_but_updates_one(
    run: Run, host: Host
) -> None:
    assert "Not posted" in ok(run("comment", saved(EMPTY))).err
    assert host.bodies() == []

    ok(run("comment", saved(PLAN)))
    ok(run("comment", saved(EMPTY)))
    assert "no changes" in host.bodies()[-1]

    ok(run("comment", saved(EMPTY), "--name", "other", "--when", "always"))
    assert len(host.bodies()) == 2


def result_of(plan: Plan, code: int = 0, **summary: int) -> Path:
    ended = {"exit_code": code, "plan": {"digest": plan.digest}, "summary": summary}
    Path("result.json").write_text(json.dumps(ended), "utf-8")
    return Path("result.json")


def test_after_the_apply_it_says_how_that_ended_and_stays_so(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN)))
    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 4, applied=28, stale=2)))
    assert "**⚠️ Applied in part: 28 applied, 2 stale.**" in host.bodies()[0]
    # The same plan applied again, to its end.
    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 0, applied=2, already=28)))
    assert "**✅ Applied: 2 applied, 28 already.**" in host.bodies()[0]

    assert "was applied" in ok(run("comment", saved(PLAN))).err

    assert len(host.bodies()) == 1
    assert "✅ Applied" in host.bodies()[0]
    # What is planned after it is another comment: the record of what was applied stays.
    ok(run("comment", saved(of(PLAN, 3))))
    assert len(host.bodies()) == 2
    assert "✅ Applied" in host.bodies()[0]


def test_the_report_of_a_fresh_plan_that_was_expected_to_be_this_one_counts(
    run: Run, host: Host
) -> None:
    """Exit 5, because records moved; or the rest of an apply that was killed."""
    ok(run("comment", saved(PLAN)))
    ended: dict[str, object] = {
        "exit_code": 5,
        "plan": {"digest": "sha256:" + "0" * 64},
        "summary": {},
        "error": "nothing was written: `@all` moved\n",
        "expected": PLAN.digest,
    }
    Path("result.json").write_text(json.dumps(ended), "utf-8")
    ok(run("comment", saved(PLAN), "--result", "result.json"))
    assert "**⛔ Not applied: nothing was written.** ``nothing was" in host.bodies()[0]

    Path("result.json").write_text(json.dumps(ended | {"plan": None, "exit_code": 1}), "utf-8")
    ok(run("comment", saved(PLAN), "--result", "result.json"))
    assert len(host.bodies()) == 1


def test_the_comment_keeps_its_link_to_the_report_when_the_apply_ends(run: Run, host: Host) -> None:
    url = "https://example.com/a/plan.html?x=1&y=%20"
    ok(run("comment", saved(PLAN), "--report-url", url))

    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 0, applied=30)))

    assert f"]({url})**" in host.bodies()[0]
    forged = host.bodies()[0].replace(f"report={url}", "report=javascript:x")
    host.comments[0]["body"] = forged
    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 0, applied=30)))
    assert "javascript" not in host.bodies()[0]


def test_the_report_of_another_plan_is_refused(run: Run, host: Host) -> None:
    other = result_of(EMPTY)

    assert "the report of another plan" in run("comment", saved(PLAN), "--result", other).err
    Path("result.json").write_text("[]", "utf-8")
    assert "is not a JSON report of an apply" in run("comment", saved(PLAN), "--result", other).err
    assert host.bodies() == []


def test_what_is_new_since_the_last_push_is_said(run: Run, host: Host) -> None:
    saved(of(PLAN, *range(20)), "old.json")

    ok(run("comment", saved(PLAN), "--previous", "old.json"))

    assert "**+10** −0 records, 0 with other values, 20 the same." in host.bodies()[0]


def test_someone_elses_comment_with_our_marker_is_left_alone(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN)))
    forged = host.bodies()[0]
    host.comments.clear()
    host.others(1, forged)

    ok(run("comment", saved(PLAN)))

    assert [item["body"] == forged for item in host.comments] == [True, True]
    assert [item["user"]["login"] for item in host.comments] == ["somebody", host.author]


def test_a_comment_that_only_quotes_the_marker_is_not_the_one(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN)))
    host.comments[0]["body"] = "see " + host.comments[0]["body"]

    ok(run("comment", saved(PLAN)))

    assert len(host.bodies()) == 2


def test_several_plans_of_one_pull_request_have_a_comment_each(run: Run, host: Host) -> None:
    for name in ("prod", "staging", "prod"):
        ok(run("comment", saved(PLAN), "--name", name))

    assert sorted(body.split()[3] for body in host.bodies()) == ["name=prod", "name=staging"]


def test_after_a_merge_the_comment_is_that_of_the_commits_pull_request(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(run("comment", saved(PLAN)))
    for name in ("GITHUB_REF", "CI_MERGE_REQUEST_IID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_SHA", "abc")
    monkeypatch.setenv("CI_COMMIT_SHA", "abc")
    # The commit of a schedule does not belong to one pull request.
    assert "does not belong to a " in run("comment", saved(PLAN)).err
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    monkeypatch.setenv("CI_PIPELINE_SOURCE", "push")

    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 0, applied=30)))

    assert len(host.bodies()) == 1
    assert "✅ Applied: 30 applied" in host.bodies()[0]


@pytest.mark.parametrize(
    "event", ['{"issue": {"number": 7}}', '{"workflow_run": {"pull_requests": [{"number": 7}]}}']
)
def test_the_pull_request_is_read_from_the_event_of_a_workflow(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    Path("event.json").write_text(event, "utf-8")
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    monkeypatch.setenv("GITHUB_EVENT_PATH", "event.json")

    ok(run("comment", saved(PLAN)))

    assert len(host.bodies()) == 1


@pytest.mark.parametrize("count", [1, 100, 5_000])
def test_it_fits_whatever_the_plan(run: Run, host: Host, count: int) -> None:
    ok(run("comment", saved(large(count)), "--report-url", "https://example.com/" + "x" * 60))

    (body,) = host.bodies()
    assert f"{count:,} of {2 * count + 1:,} records" in body


def test_a_host_that_takes_less_gets_less(run: Run, host: Host) -> None:
    if host.author == "bot":
        pytest.skip("GitLab takes a million characters")
    host.most_chars = 9_000

    ok(run("comment", saved(large(2_000))))

    (body,) = host.bodies()
    assert "2,000 of 4,001 records" in body
    assert "Not shown here" in body

    host.comments.clear()
    host.most_chars = 100
    result = run("comment", saved(PLAN))
    assert (result.code, host.comments) == (1, [])
    assert "too long" in result.err


def test_a_post_whose_answer_was_lost_is_not_sent_twice(run: Run, host: Host) -> None:
    host.faults = [(0, {}, True)]
    ok(run("comment", saved(PLAN)))
    assert len(host.bodies()) == 1

    host.comments.clear()
    host.faults = [(502, {}, False)]
    ok(run("comment", saved(PLAN)))
    assert len(host.bodies()) == 1


def test_a_rate_limit_is_waited_for(run: Run, host: Host) -> None:
    limits: list[dict[str, str]] = [
        {"retry-after": "0"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"},
    ]
    host.faults = [(403, limits[0], False), (429, limits[0], False), (403, limits[1], False)]

    ok(run("comment", saved(PLAN)))

    assert len(host.bodies()) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((403, {}, False), "403"),
        ((403, {"retry-after": "3600"}, False), "403"),
        ((404, {}, False), "404"),
        ((422, {}, False), "422"),
    ],
)
def test_a_host_that_says_no_is_an_error(
    run: Run, host: Host, fault: tuple[int, dict[str, str], bool], said: str
) -> None:
    host.faults = [fault]

    result = run("comment", saved(PLAN))

    assert result.code == 1
    assert said in result.err
    assert host.bodies() == []


def test_a_wrong_token_is_an_error_that_does_not_tell_it(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.setenv(name, "a-token-that-is-none")

    result = run("comment", saved(PLAN))

    assert result.code == 1
    assert "401" in result.err
    assert "a-token-that-is-none" not in result.err
    assert host.comments == []


def test_an_older_comment_that_cannot_be_folded_away_is_a_warning(run: Run, host: Host) -> None:
    ok(run("comment", saved(of(PLAN, 0))))
    host.faults = [None, (403, {}, False)]  # the new comment, then the old one

    result = ok(run("comment", saved(of(PLAN, 0, 1))))

    assert "warning: an older comment could not be marked as outdated: " in result.err
    assert "2 of 81 records" in host.bodies()[-1]


def test_a_job_token_is_used_where_there_is_no_other(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host.author != "bot":
        pytest.skip("GitLab's")
    monkeypatch.delenv("GITLAB_TOKEN")
    monkeypatch.setenv("CI_JOB_TOKEN", TOKEN)

    ok(run("comment", saved(PLAN)))

    assert "GET /api/v4/job" in host.requests
    assert len(host.bodies()) == 1


@pytest.mark.slow
def test_a_rolling_issue_is_opened_updated_closed_and_reopened(run: Run, host: Host) -> None:
    assert "Not opened" in ok(run("comment", saved(EMPTY), "--issue")).err
    ok(run("comment", saved(PLAN), "--issue"))
    ok(run("comment", saved(PLAN), "--issue"))
    assert (len(host.issues), host.remarks) == (1, [])

    ok(run("comment", saved(of(PLAN, 1, 2)), "--issue"))
    assert (len(host.issues), host.remarks) == (1, [])  # less than before is no news
    ok(run("comment", saved(of(PLAN, 1, 3)), "--issue"))
    assert host.remarks == ["Something else differs now: 2 of 81 records would change (2.47 %)."]

    ok(run("comment", saved(EMPTY), "--issue"))
    assert (host.issues[0]["state"], len(host.remarks)) == ("closed", 2)

    ok(run("comment", saved(PLAN), "--issue"))
    assert (len(host.issues), host.issues[0]["state"]) == (1, "open")


def test_only_a_plan_that_looked_at_everything_changes_the_issue(run: Run, host: Host) -> None:
    lost = structs.replace(EMPTY, unreadable=mixed().unreadable)
    assert "Not opened" in ok(run("comment", saved(lost), "--issue")).err
    ok(run("comment", saved(PLAN), "--issue"))
    body = host.issues[0]["body"]

    part = structs.replace(EMPTY, scope=structs.replace(EMPTY.scope, target=("messages/*",)))
    fewer = structs.replace(of(PLAN, 1), scope=part.scope)
    narrowed, unread = "covers only part of the records", "could not read all records"
    for plan, why in ((part, narrowed), (fewer, narrowed), (lost, unread)):
        assert why in ok(run("comment", saved(plan), "--issue")).err

    assert (host.issues[0]["state"], host.issues[0]["body"]) == ("open", body)
    assert host.remarks == []
    ok(run("comment", saved(EMPTY), "--issue"))
    ok(run("comment", saved(fewer), "--issue"))
    assert host.issues[0]["state"] == "closed"


def test_what_newly_drifts_is_told_also_while_a_record_cannot_be_read(run: Run, host: Host) -> None:
    lost = mixed().unreadable[:1]
    ok(run("comment", saved(structs.replace(of(PLAN, 1, 2), unreadable=lost)), "--issue"))

    more = structs.replace(of(PLAN, 1, 2, 3), unreadable=lost)
    ok(run("comment", saved(more), "--issue"))
    assert "3 of 81 records would change" in host.issues[0]["body"]
    assert "1 record could not be read" in host.issues[0]["body"]
    assert len(host.remarks) == 1

    # Whether the others are as they should be nobody knows.
    for less in (of(PLAN, 1), EMPTY):
        ok(run("comment", saved(structs.replace(less, unreadable=lost)), "--issue"))
    assert host.issues[0]["state"] == "open"
    assert "3 of 81 records would change" in host.issues[0]["body"]


def test_a_record_that_can_be_read_now_and_then_is_told_once(run: Run, host: Host) -> None:
    lost = mixed().unreadable[:1]
    for _ in range(3):
        ok(run("comment", saved(of(PLAN, 1, 2)), "--issue"))
        ok(run("comment", saved(structs.replace(of(PLAN, 1), unreadable=lost)), "--issue"))

    assert host.remarks == []
    assert "2 of 81 records would change" in host.issues[0]["body"]


def test_an_issue_that_somebody_closed_is_reopened_for_what_differs_still(
    run: Run, host: Host
) -> None:
    ok(run("comment", saved(PLAN), "--issue"))
    host.issues[0]["state"] = "closed"

    ok(run("comment", saved(PLAN), "--issue"))

    assert host.issues[0]["state"] == "open"
    assert host.remarks == ["There are still differences: 30 of 81 records would change (37.04 %)."]


@pytest.mark.parametrize(
    "flags", [("--pull", "5"), ("--when", "always"), ("--result", "r"), ("--previous", "p")]
)
def test_what_is_of_a_pull_request_does_not_go_with_an_issue(
    run: Run, host: Host, flags: tuple[str, str]
) -> None:
    result = run("comment", saved(PLAN), "--issue", *flags)

    assert (result.code, host.requests) == (64, [])
    assert "cannot be used with --issue" in result.err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--report-url", "javascript:alert(1)"), "expected an https:// address"),
        (("--report-url", "https://x.com/a b"), "expected an https:// address"),
        (("--report-url", "https://x.com/)[x](y"), "expected an https:// address"),
        (("--name", "a b"), "expected up to 60 letters"),
        (("--name", "-->"), "expected up to 60 letters"),
    ],
)
def test_a_flag_that_could_not_stand_in_a_comment_is_refused(
    run: Run, host: Host, flags: tuple[str, str], said: str
) -> None:
    result = run("comment", saved(PLAN), *flags)

    assert (result.code, host.comments) == (64, [])
    assert said in result.err


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "not a job of GitHub or GitLab"),
        ({"GITHUB_ACTIONS": "true"}, "GITHUB_TOKEN"),
        ({"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": TOKEN}, "GITHUB_REPOSITORY is not set"),
        ({"GITLAB_CI": "true"}, "CI_API_V4_URL is not set"),
        ({"GITLAB_CI": "1", "CI_API_V4_URL": "http://gitlab.example.com/api/v4"}, "unencrypted"),
        (
            {"GITHUB_ACTIONS": "1", "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "o/r?x"},
            "holds a character",
        ),
    ],
)
def test_what_the_environment_lacks_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, environment: dict[str, Any], said: str
) -> None:
    for name in ("GITLAB_CI", "CI_API_V4_URL", "CI_PROJECT_ID", "GITLAB_TOKEN", "CI_JOB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    result = run("comment", saved(PLAN))

    assert result.code == 1
    assert said in result.err


def test_the_token_of_another_app_keeps_one_comment_too(run: Run, host: Host) -> None:
    if host.author == "bot":
        pytest.skip("GitHub's")
    host.author = "some-app[bot]"

    for _ in range(3):
        ok(run("comment", saved(PLAN)))

    assert len(host.bodies()) == 1
    host.faults = [(502, {}, False)]  # of who asks, too: else it would be taken for another
    ok(run("comment", saved(PLAN)))
    assert len(host.bodies()) == 1


def test_pages_that_are_short_of_what_is_hidden_are_not_the_last(run: Run, host: Host) -> None:
    host.others(230)
    for number in (3, 105):
        host.comments[number]["hidden"] = True
    ok(run("comment", saved(PLAN)))

    ok(run("comment", saved(PLAN)))

    assert len(host.bodies()) == 1


def test_a_lost_answer_is_not_taken_for_an_older_comment_of_the_same_plan(
    run: Run, host: Host
) -> None:
    one, other = of(PLAN, 0, 1), of(PLAN, 0, 2)
    for plan in (one, other):
        ok(run("comment", saved(plan)))
    host.faults = [(502, {}, False)]

    ok(run("comment", saved(one)))

    shown = [body for body in host.bodies() if "### user_data plan" in body]
    assert [one.digest in body.partition("\n")[0] for body in shown] == [True]


def test_an_apply_that_wrote_nothing_freezes_nothing(run: Run, host: Host) -> None:
    one, other = of(PLAN, 0, 1), of(PLAN, 2, 3)
    ok(run("comment", saved(one)))
    ok(run("comment", saved(one), "--result", result_of(one, 3, skipped=2)))
    assert "**⛔ Not applied: 2 skipped.**" in host.bodies()[0]
    ok(run("comment", saved(other)))

    ok(run("comment", saved(one)))

    (body,) = [body for body in host.bodies() if "### user_data plan" in body]
    assert one.digest in body
    assert "⛔" not in body


def made(plan: Plan, day: int) -> Plan:
    return structs.replace(
        plan, meta=structs.replace(plan.meta, created=f"2026-03-{day:02}T00:00:00Z")
    )


def test_the_end_of_an_older_plan_leaves_a_newer_one_pending(run: Run, host: Host) -> None:
    one, other = made(of(PLAN, 0, 1), 1), made(of(PLAN, 2, 3), 2)
    ok(run("comment", saved(one)))
    ok(run("comment", saved(other)))

    ok(run("comment", saved(one), "--result", result_of(one, 0, applied=2)))

    shown = [body for body in host.bodies() if "### user_data plan" in body]
    pending, done = sorted(shown, key=lambda body: "✅ Applied" in body)
    assert other.digest in pending
    assert one.digest in done


def test_how_an_older_plan_failed_is_told_beside_a_newer_one(run: Run, host: Host) -> None:
    one, other = made(of(PLAN, 0, 1), 1), made(of(PLAN, 2, 3), 2)
    ok(run("comment", saved(one)))
    ok(run("comment", saved(other)))

    ok(run("comment", saved(one), "--result", result_of(one, 4, applied=1, failed=1)))

    assert any("⚠️ Applied in part: 1 applied, 1 failed." in body for body in host.bodies())
    # The newer one is still what is pending.
    ok(run("comment", saved(other)))
    (pending,) = [body for body in host.bodies() if f"digest={other.digest}" in body]
    assert "Applied" not in pending


def test_an_apply_that_is_run_again_later_leaves_its_record_too(run: Run, host: Host) -> None:
    one, other = made(of(PLAN, 0, 1), 1), made(of(PLAN, 2, 3), 2)
    ok(run("comment", saved(one)))
    ok(run("comment", saved(one), "--result", result_of(one, 0, applied=2)))
    ok(run("comment", saved(other)))

    ok(run("comment", saved(one), "--result", result_of(one, 0)))

    assert "**✅ Applied: 2 applied.**" in host.bodies()[0]


def test_what_was_applied_empty_is_not_posted_again_and_again(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN)))
    ok(run("comment", saved(EMPTY)))
    ok(run("comment", saved(EMPTY), "--result", result_of(EMPTY, 0)))

    for day in (1, 2):
        ok(run("comment", saved(made(EMPTY, day))))

    assert len(host.bodies()) == 1


def test_an_older_plan_does_not_replace_a_newer_one(run: Run, host: Host) -> None:
    newer, older = made(of(PLAN, 0, 1, 2), 2), made(of(PLAN, 0, 1), 1)
    ok(run("comment", saved(newer)))

    assert "a newer plan is shown" in ok(run("comment", saved(older))).err

    assert newer.digest in host.bodies()[0]


def test_a_runner_whose_clock_is_ahead_does_not_hold_back_later_plans(run: Run, host: Host) -> None:
    ahead = structs.replace(of(PLAN, 0, 1, 2), meta=Meta("", "2099-01-01T00:00:00+00:00"))
    ok(run("comment", saved(ahead)))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    later = structs.replace(of(PLAN, 0, 1), meta=Meta("", now))

    ok(run("comment", saved(later)))

    assert any(later.digest in body and "status=planned" in body for body in host.bodies())


def test_of_two_commits_the_later_one_is_newer_whatever_the_clocks_say(
    run: Run, host: Host
) -> None:
    one, two = commit({"a.txt": "1"}), commit({"a.txt": "2"})
    early = structs.replace(made(of(PLAN, 0, 1), 9), revisions=Revisions(head=one))
    late = structs.replace(made(of(PLAN, 2, 3), 1), revisions=Revisions(head=two))
    ok(run("comment", saved(early)))

    ok(run("comment", saved(late)))
    again = ok(run("comment", saved(early)))

    assert "a newer plan is shown" in again.err
    assert any(late.digest in body and "status=planned" in body for body in host.bodies())


def test_an_apply_that_is_run_again_leaves_the_record_of_the_first(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN)))
    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 0, applied=30)))

    again = ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 0)))

    assert "was applied" in again.err
    assert "**✅ Applied: 30 applied.**" in host.bodies()[0]


def test_another_plan_has_no_link_to_the_report_of_the_one_before(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN), "--report-url", "https://example.com/a.html"))

    ok(run("comment", saved(of(PLAN, 1))))

    assert "a.html" not in host.bodies()[0]


def test_that_nothing_was_to_be_done_is_not_worth_a_comment(run: Run, host: Host) -> None:
    ok(run("comment", saved(EMPTY), "--result", result_of(EMPTY, 0)))

    assert host.bodies() == []


@pytest.mark.parametrize("outcome", ["unknown", "altered"])
def test_what_may_have_been_written_is_not_said_to_be_not(
    run: Run, host: Host, outcome: str
) -> None:
    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 4, **{outcome: 1})))

    assert f"**❓ Perhaps applied: 1 {outcome}.**" in host.bodies()[0]


def test_what_is_folded_away_is_folded_once(run: Run, host: Host) -> None:
    for number in range(4):
        ok(run("comment", saved(of(PLAN, number))))
    requests = len(host.requests)

    ok(run("comment", saved(of(PLAN, 3))))

    writes = [one for one in host.requests[requests:] if not one.startswith("GET")]
    assert len([one for one in writes if "graphql" not in one]) == 1


@pytest.mark.parametrize("value", [None, 5, "hi", {}, [[]], [{"id": "x"}]])
@pytest.mark.usefixtures("host")
def test_an_answer_that_is_none_is_an_error_of_the_host(
    run: Run, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(*_: object) -> tuple[int, object]:
        return 200, value

    with serving(Host("x"), nonsense) as other:
        monkeypatch.setenv("GITHUB_API_URL", other.url)
        monkeypatch.setenv("CI_API_V4_URL", other.url)
        result = run("comment", saved(PLAN))

    assert result.code == 1
    assert "does not have the expected format" in result.err


def test_no_proxy_sees_the_token_on_this_machine(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)

    ok(run("comment", saved(PLAN)))

    assert len(host.bodies()) == 1


def test_a_token_told_back_is_not_shown_even_in_part(run: Run, host: Host) -> None:
    host.faults = [(404, {}, False)]
    host.fault_message = "x" * 280 + TOKEN

    result = run("comment", saved(PLAN))

    assert TOKEN[:6] not in result.err


def test_a_text_that_a_proxy_finds_too_large_is_made_shorter(run: Run, host: Host) -> None:
    host.faults = [(413, {}, False)]

    ok(run("comment", saved(large(3000))))

    assert len(host.bodies()[0].encode()) < 30_000


@pytest.mark.parametrize("marker", ["changes=" + "9" * 5000, "status=x", "items=!", "digest=a b"])
def test_a_comment_of_ours_with_a_strange_marker_is_no_reason_to_fail(
    run: Run, host: Host, marker: str
) -> None:
    host.others(1)
    host.comments[0]["user"]["login"] = host.comments[0]["author"]["username"] = host.author
    host.comments[0]["body"] = f"<!-- reconciler:plan v=1 name=api.carrierx.com {marker} -->"

    ok(run("comment", saved(PLAN)))


def test_what_newly_stops_an_apply_is_news_as_well(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN)))
    conflicts = mixed().unreadable[:1]

    ok(run("comment", saved(structs.replace(PLAN, unreadable=conflicts))))

    assert host.notified == 2
    ok(run("comment", saved(PLAN)))
    assert host.notified == 2


def test_what_was_applied_and_is_pending_again_is_shown(run: Run, host: Host) -> None:
    ok(run("comment", saved(PLAN)))
    ok(run("comment", saved(PLAN), "--result", result_of(PLAN, 0, applied=30)))
    later = structs.replace(PLAN, meta=structs.replace(PLAN.meta, created="2026-02-01T00:00:00Z"))

    ok(run("comment", saved(later)))

    assert len(host.bodies()) == 2
    assert "Applied" not in host.bodies()[-1]


def test_the_plan_of_another_api_is_not_the_previous_one(run: Run, host: Host) -> None:
    other = structs.replace(PLAN, base_url="https://other.example.com")
    saved(structs.replace(other, digest=digest(other.base_url, other.changes)), "old.json")

    result = run("comment", saved(PLAN), "--previous", "old.json")

    assert (result.code, host.comments) == (1, [])
    assert "not for this API" in result.err


@pytest.mark.slow
def test_a_pull_request_with_too_many_comments_is_an_error(run: Run, host: Host) -> None:
    host.others(5_001)

    result = run("comment", saved(PLAN))

    assert result.code == 1
    assert "more than 5,000" in result.err


@pytest.mark.parametrize("reference", ["refs/pull", "refs/pull/../merge", "refs/pull/x/merge"])
def test_a_strange_reference_is_no_pull_request(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.setenv("GITHUB_REF", reference)
    monkeypatch.setenv("CI_MERGE_REQUEST_IID", "../x")

    result = run("comment", saved(PLAN))

    assert (result.code, host.comments) == (1, [])
    assert "does not belong to a " in result.err
