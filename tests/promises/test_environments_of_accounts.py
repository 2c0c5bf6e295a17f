"""docs/environments.md: two accounts in one repository, each with pins and a state of its own."""

import json
import re
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run, Serve, Server
from reconciler.kinds import MESSAGES
from reconciler.sandbox.fixtures import open_seeded
from repository import commit, git
from writing import held, messages, sid, write

DOCUMENT = (REPOSITORY / "docs/environments.md").read_text("utf-8")
PROD, STAGING = re.findall(r"partner_sid: (\S+)", DOCUMENT)


def account(server: Server, partner: str, texts: dict[int, str | None]) -> None:
    """Makes the account behind a server hold these messages of a partner, and no others."""
    with open_seeded(server.db) as store:
        for number, text in texts.items():
            body = {"message_sid": sid(number), "user_data": text, "partner_sid": partner}
            if store.get(MESSAGES, sid(number)) is None:
                store.add(MESSAGES, [(sid(number), json.dumps(body))])
            else:
                store.replace(MESSAGES, sid(number), json.dumps(body))


def holds(server: Server, number: int) -> object:
    with open_seeded(server.db) as store:
        return held(store)[f"messages/{sid(number)}"]["user_data"]


@pytest.fixture
def accounts(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> dict[str, Server]:
    """The repository of the document, with the addresses of two servers."""
    monkeypatch.delenv("RECONCILER_ALLOW")
    servers = {"prod": serve(), "staging": serve()}
    text = re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert text is not None
    settings = text[1].replace("https://api.carrierx.com/core/v2", servers["prod"].base_url)
    settings = settings.replace("https://staging.example.com/core/v2", servers["staging"].base_url)
    account(servers["prod"], PROD, {1: None, 2: None})
    account(servers["staging"], STAGING, {1: None, 2: None})
    commit(
        {
            "reconciler.yaml": settings,
            "prod/a.yaml": messages({1: "p", 2: "p"}),
            "staging/a.yaml": messages({1: "s", 2: "s"}),
        }
    )
    return servers


def use(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("CARRIERX_BASE_URL", server.base_url)


def test_each_account_has_a_commit_and_journals_of_its_own(
    run: Run, accounts: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, accounts["staging"])
    assert run("apply", "--env", "staging", "--auto-approve").code == 0
    use(monkeypatch, accounts["prod"])
    assert run("apply", "--env", "prod", "--auto-approve").code == 0
    first = git("rev-parse", "HEAD")
    new = messages({1: "new", 2: "p"})
    commit({"prod/a.yaml": new, "staging/a.yaml": new.replace('"p"', '"s"')})
    use(monkeypatch, accounts["staging"])
    applied = run("apply", "--env", "staging", "--auto-approve")
    use(monkeypatch, accounts["prod"])

    pending = run("plan", "--env", "prod", "--format", "json")

    assert applied.code == 0, applied.err
    rows = json.loads(pending.out)["resource_changes"]
    assert [(row["name"], row["origin"]) for row in rows] == [(sid(1), "change")]
    assert git("rev-parse", "refs/reconciler/applied/prod") == first
    assert git("rev-parse", "refs/reconciler/applied/staging") == git("rev-parse", "HEAD")
    for name in accounts:
        assert list(Path(".reconciler/journal", name).glob("*.jsonl"))
    assert holds(accounts["prod"], 1) == "p"


def test_another_api_than_the_pinned_one_is_refused_and_both_are_named(
    run: Run, accounts: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, accounts["staging"])

    for command in (("plan",), ("apply", "--auto-approve"), ("plan", "--sandbox")):
        result = run(*command, "--env", "prod")
        assert result.code == 1
        assert accounts["prod"].base_url in result.err
        assert "nothing was read or written" in result.err
    assert accounts["staging"].base_url in run("plan", "--env", "prod").err


@pytest.mark.parametrize("how", ["each", "sweep", "auto"])
def test_a_record_of_another_partner_ends_the_run_before_a_write(
    run: Run, accounts: dict[str, Server], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    use(monkeypatch, accounts["prod"])
    account(accounts["prod"], STAGING, {2: None})

    result = run("apply", "--env", "prod", "--auto-approve", "--read", how)

    assert result.code == 1
    assert f"--env prod is for the partner {PROD}" in result.err
    assert f"is a record of the partner {STAGING}" in result.err
    assert holds(accounts["prod"], 1) is None


def test_a_saved_plan_is_held_against_the_pins_too(
    run: Run, accounts: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, accounts["prod"])
    assert run("plan", "--env", "prod", "--out", "plan.json").code == 0
    account(accounts["prod"], STAGING, {1: None, 2: None})

    stranger = run("apply", "plan.json", "--env", "prod", "--auto-approve")
    other = run("apply", "plan.json", "--auto-approve")
    monkeypatch.setenv("CARRIERX_BASE_URL", accounts["staging"].base_url)
    wrong = run("apply", "plan.json", "--env", "staging", "--auto-approve")

    assert (stranger.code, other.code, wrong.code) == (1, 1, 1)
    assert f"is a record of the partner {STAGING}" in stranger.err
    assert "was made for --env prod, but this run uses none" in other.err
    assert "was made for" in wrong.err
    assert holds(accounts["prod"], 1) is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "--env", "prd"), "no such environment (did you mean `prod`?)"),
        (("validate", "--env", "xyz"), "no such environment (prod, staging)"),
        (("plan", "--env", "prod", "--manifests", "x"), "--env and --manifests cannot be used"),
    ],
)
@pytest.mark.usefixtures("accounts")
def test_a_wrong_environment_is_a_usage_error(
    run: Run, arguments: tuple[str, ...], says: str
) -> None:
    result = run(*arguments)

    assert result.code == 64
    assert says in result.err


def test_without_environments_the_name_of_one_says_so(run: Run) -> None:
    write(messages({1: "x"}))

    result = run("plan", "--sandbox", "--env", "prod")

    assert result.code == 64
    assert "(none are defined)" in result.err


@pytest.mark.usefixtures("accounts")
def test_checks_and_formats_are_those_of_the_environment(run: Run) -> None:
    write("messages: {x: {}}\n", "staging/b.yaml")

    assert run("validate", "--env", "prod").out == "Valid: 2 records in 1 file.\n"
    assert run("validate", "--env", "staging").code == 1
