"""Tools that read Terraform's plan JSON, on ours: jq's expression for GitLab, OPA's language."""

import json

import jq
import pytest
import regopy
from msgspec import structs

from conftest import REPOSITORY
from planned import large, mixed
from reconciler.model import Plan, Source
from reconciler.planning import plan_file

pytestmark = pytest.mark.slow

# GitLab's documentation, for `artifacts:reports:terraform`.
GITLAB = (
    "([.resource_changes[]?.change.actions?]|flatten)|"
    '{"create":(map(select(.=="create"))|length),'
    '"update":(map(select(.=="update"))|length),'
    '"delete":(map(select(.=="delete"))|length)}'
)


def written(plan: Plan) -> str:
    return "".join(plan_file.write(plan, redacted=True))


def test_gitlabs_expression_counts_the_changes() -> None:
    found = jq.compile(GITLAB).input_text(written(mixed())).first()

    assert found == {"create": 0, "update": 9, "delete": 0}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('.format_version | test("^(0|1)[.]")', True),
        ('[.resource_changes[] | select(.mode != "managed")] | length', 0),
        ('[.resource_changes[].change | has("before") and has("after")] | all', True),
        ("[.resource_changes[].change.before_sensitive | type] | unique", ["object"]),
        ('[.resource_changes[] | "\\(.type)/\\(.name)" == .address] | all', True),
    ],
)
def test_what_readers_of_terraforms_plans_look_at_is_there(expression: str, value: object) -> None:
    assert jq.compile(expression).input_text(written(mixed())).first() == value


def denied(plan: Plan) -> set[str]:
    """What the example policy says of a plan."""
    rego = regopy.Interpreter()
    policy = (REPOSITORY / "docs/ci/policy.rego").read_text("utf-8")
    rego.add_module("policy", policy)
    rego.set_input(json.loads(written(plan)))
    output = json.loads(str(rego.query("x := data.main.deny")))
    return set(output["bindings"]["x"])


def test_the_example_policy_passes_a_small_plan() -> None:
    plan = large(300)
    small = structs.replace(plan, changes=plan.changes[:20], unreadable=())

    assert denied(small) == set()


def test_the_example_policy_names_what_it_denies() -> None:
    plan = mixed()
    number = structs.replace(plan.changes[0], after="+15551234567", source=Source("a.yaml", 1, 1))
    plan = structs.replace(plan, changes=(number, *plan.changes[1:]))

    assert denied(plan) == {
        "the plan is not complete: some records could not be read",
        f"{number.address}:  looks like it holds a phone number",
    }


def test_the_example_policy_knows_that_a_plan_may_look_at_a_part_of_the_records() -> None:
    plan = structs.replace(large(150), unreadable=(), in_sync=0)
    plan = structs.replace(plan, scope=structs.replace(plan.scope, records=48_000, since="1" * 40))

    assert denied(plan) == set()


def test_the_example_policy_counts_losses_and_shares() -> None:
    said = denied(structs.replace(large(4000), unreadable=()))

    assert any("records lose data; the policy allows 100" in message for message in said)
    assert "4000 of 8001 records change; the policy allows a tenth" in said
