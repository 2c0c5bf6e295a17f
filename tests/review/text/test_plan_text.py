"""What a person reads, whole, against golden files."""

from collections.abc import Callable, Iterable

import pytest
from msgspec import structs

from goldens import check
from planned import URL, approval, large, long_plan, mixed, unread
from reconciler.model import (
    Address,
    Change,
    Origin,
    Outcome,
    OutcomeName,
    Source,
)
from reconciler.planning.builder import PlanBuilder
from reconciler.planning.compare import PlanRequest
from reconciler.planning.plan_diff import diff_plans
from reconciler.review import headlines, value_text
from reconciler.review.colours import Paint
from reconciler.review.grouping import groups
from reconciler.review.html.page import html_page
from reconciler.review.markdown import comment
from reconciler.review.markdown.detail_levels import CommentContext
from reconciler.review.report import make_report
from reconciler.review.text import apply_text as outcome_lines
from reconciler.review.text import plan_diff_text, plan_text
from reconciler.values.diff import differences
from writing import sid

PLAIN = Paint(on=False)


def outcomes() -> list[Outcome]:
    """Every outcome there is."""
    details = {
        OutcomeName.STALE: "it was changed since the plan",
        OutcomeName.ALTERED: "the API stored 'trimmed\x1b[2J'",
        OutcomeName.MISSING: "404 cannot find item by sid",
        OutcomeName.UNKNOWN: "no whole answer: timed out; not there when read back",
    }
    return [
        Outcome(
            Change(Address("messages", sid(n)), Origin.CHANGE, "a", "b", Source("m.yaml", 1, 1)),
            name,
            details.get(name, ""),
        )
        for n, name in enumerate(OutcomeName)
    ]


CASES: dict[str, Callable[[], Iterable[str]]] = {
    "plan-80.txt": lambda: plan_text.plan(make_report(mixed()), PLAIN, 80),
    "plan-160.txt": lambda: plan_text.plan(make_report(mixed()), PLAIN, 160),
    "plan-colour.txt": lambda: plan_text.plan(make_report(mixed()), Paint(on=True), 100),
    "plan-approval.txt": lambda: plan_text.plan(make_report(approval()), PLAIN, 80),
    "plan-long.txt": lambda: plan_text.plan(make_report(long_plan()), PLAIN, 80),
    "plan-concise.txt": lambda: plan_text.plan(
        make_report(long_plan()), PLAIN, 80, detail="concise"
    ),
    "plan-unread.txt": lambda: plan_text.plan(make_report(unread()), PLAIN, 80),
    "delta.txt": lambda: plan_diff_text.text(diff_plans(mixed(), approval()), PLAIN),
    "plan-empty.txt": lambda: plan_text.plan(
        make_report(PlanBuilder(URL, PlanRequest({})).plan()), PLAIN, 80
    ),
    "outcomes.txt": lambda: outcome_lines.text(outcomes(), PLAIN),
    "outcomes-applied.txt": lambda: outcome_lines.text(outcomes()[:1] * 1, PLAIN),
}


@pytest.mark.parametrize("name", CASES)
def test_the_output_is_the_golden_one(name: str) -> None:
    check(name, "".join(f"{line}\n" for line in CASES[name]()))


def test_without_colour_there_is_no_escape_of_a_terminal() -> None:
    for name, shown in CASES.items():
        if "colour" not in name:
            assert "\x1b" not in "".join(shown())


def test_no_line_of_short_values_is_wider_than_the_terminal() -> None:
    assert max(map(len, plan_text.plan(make_report(mixed()), PLAIN, 80))) <= 80


def test_a_verbose_plan_shows_every_change_and_a_short_one_does_so_anyway() -> None:
    verbose = "".join(plan_text.plan(make_report(long_plan()), PLAIN, 80, detail="verbose"))

    assert all(str(change.address) in verbose for change in long_plan().changes)
    assert list(plan_text.plan(make_report(mixed()), PLAIN, 80)) == list(
        plan_text.plan(make_report(mixed()), PLAIN, 80, detail="verbose")
    )


def test_of_many_that_could_not_be_read_each_is_named_if_asked_for() -> None:
    verbose = "".join(plan_text.plan(make_report(unread()), PLAIN, 80, detail="verbose"))

    assert all(str(one.address) in verbose for one in unread().unreadable)


def test_a_long_plan_says_first_what_stops_it() -> None:
    plan = large(100)

    head = list(plan_text.plan(make_report(plan), PLAIN, 80))[:6]

    assert "! 1 record could not be read: this plan is not complete." in head
    assert "! An apply of this plan is refused by max_change_percent." in head


def test_an_api_that_has_none_of_the_records_is_perhaps_another_one() -> None:
    lost = tuple(one for one in unread().unreadable if one.status == 404)
    plan = structs.replace(unread(), changes=(), unreadable=lost)

    assert headlines.NONE_FOUND in list(plan_text.plan(make_report(plan), PLAIN, 80))
    assert headlines.NONE_FOUND in "".join(html_page(make_report(plan)))
    assert headlines.NONE_FOUND in comment.comment(make_report(plan), CommentContext())
    known = structs.replace(plan, in_sync=1)
    assert headlines.NONE_FOUND not in list(plan_text.plan(make_report(known), PLAIN, 80))


def test_every_change_is_in_just_one_group_with_those_that_are_alike() -> None:
    found = groups(long_plan())

    assert sorted(change.address for group in found for change, _ in group.members) == [
        change.address for change in long_plan().changes
    ]
    for group in found:
        assert len({(change.action, change.origin) for change, _ in group.members}) == 1


def test_a_number_beside_a_text_of_several_lines_stays_a_number() -> None:
    after = '{"k":"' + "long " * 20 + '\\nline"}'
    shown = [
        "".join(value_text.difference_lines(differences(before, after), PLAIN, 80))
        for before in ('{"k":1}', '{"k":"1"}')
    ]

    assert shown[0] != shown[1]
    assert "- 1" in shown[0]
