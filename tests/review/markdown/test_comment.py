"""A comment always fits, says what matters first and what it leaves out."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from goldens import GOLDEN, check
from planned import SOURCE, URL, approval, large, long_plan, mixed
from reconciler.errors import ReconcilerError
from reconciler.model import Address, Change, Origin, Outcome, OutcomeName, Plan, Source
from reconciler.planning.digest import digest
from reconciler.planning.plan_diff import diff_plans
from reconciler.review.codeowners import Owners
from reconciler.review.formats import SUMMARY_BYTES
from reconciler.review.grouping import Effect
from reconciler.review.markdown import apply_result, comment
from reconciler.review.markdown.detail_levels import CommentContext, Links
from reconciler.review.report import make_report
from writing import sid

LINKS = Links(
    "https://example.com/plan.html", "https://example.com/plan.json", "https://example.com/r"
)
OWNERS = Owners(["manifests/team-0* @org/billing", "manifests/team-1* @org/support @org/growth"])
PAGES = {
    "comment-mixed.md": lambda: comment.comment(make_report(mixed()), CommentContext()),
    "comment-approval.md": lambda: comment.comment(
        make_report(approval()), CommentContext("prod", LINKS, diff_plans(mixed(), approval()))
    ),
    "comment-long.md": lambda: comment.comment(make_report(long_plan()), CommentContext()),
    "comment-large.md": lambda: comment.comment(
        make_report(large(300), OWNERS), CommentContext("prod", LINKS)
    ),
    "comment-empty.md": lambda: comment.comment(
        make_report(structs.replace(mixed(), changes=(), unreadable=())), CommentContext()
    ),
    "summary-long.md": lambda: comment.summary(
        make_report(long_plan()), CommentContext(), most=SUMMARY_BYTES
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_golden_one(name: str) -> None:
    check(name, PAGES[name]())


COUNTS = re.compile(
    r"^### user_data plan · `[^`]*` · ([\d,]+) of ([\d,]+) records? would change", re.MULTILINE
)


@pytest.mark.parametrize("count", [1, 100, 5_000, 100_000])
@pytest.mark.slow
def test_the_comment_fits_with_exact_counts(count: int) -> None:
    plan = large(count)
    report = make_report(plan)
    for page, most in (
        (comment.comment(report, CommentContext()), comment.COMMENT_BYTES),
        (comment.summary(report, CommentContext(), most=SUMMARY_BYTES), SUMMARY_BYTES),
    ):
        assert len(page.encode()) <= most
        assert len(page.encode("utf-16-le")) // 2 < 65_536 or most > comment.COMMENT_BYTES
        found = COUNTS.search(page)
        assert found is not None
        assert found.groups() == (f"{count:,}", f"{2 * count + 1:,}")
        removes = report.effects[Effect.REMOVES]
        assert f"| ➖ lose data | {removes:,} |" in page
        assert "**1 record could not be read**" in page


@settings(max_examples=25)
@given(st.integers(4_000, 60_000), st.integers(0, 400))
def test_with_any_budget_it_fits_and_is_not_cut(most: int, count: int) -> None:
    page = comment.comment(make_report(large(count + 1)), CommentContext(links=LINKS), most=most)

    assert len(page.encode()) <= most
    assert page.count("<details") == page.count("</details>")
    assert page.count("\n```") % 2 == 0
    assert "one that expects `sha256:" in page
    for line in page.split("\n"):
        if line.startswith("|"):
            assert line.endswith("|")


def test_what_loses_something_is_the_last_to_go() -> None:
    report = make_report(large(600))
    removed = [str(change.address) for change, _ in report.removals()]

    page = comment.comment(report, CommentContext(), most=9_000)

    assert "of the groups one by one" in page.partition("Not shown here")[2]
    assert all(f"`{address}` | ➖" in page for address in removed)


def test_a_few_bloated_records_do_not_drive_out_what_others_lose() -> None:
    wide = {f"{n}{' ' * 300}": "`x`" + " |" * 300 for n in range(6)}
    bloated = [
        Change(
            Address("messages", sid(n)),
            Origin.CHANGE,
            json.dumps({"keep": 1, **wide, "n": n}, sort_keys=True),
            '{"keep":1}',
            Source(f"manifests/{' ' * 190}{n}.yaml", 1, 1),
        )
        for n in range(60)
    ]
    plain = Change(Address("messages", sid(99)), Origin.CHANGE, '{"a":"mine"}', "{}", SOURCE)
    changes = (*bloated, plain)
    plan = Plan(URL, digest(URL, changes), changes, 0)

    page = comment.comment(make_report(plan), CommentContext(links=LINKS))

    assert len(page.encode()) <= comment.COMMENT_BYTES
    assert '➖ `a`: `"mine"`' in page
    assert "61 records that lose data" in page


@pytest.mark.parametrize("most", [921_600, 20_000, 3_000, 50])
def test_the_summary_of_an_apply_fits_whatever_the_api_said(most: int) -> None:
    change = Change(Address("messages", sid(1)), Origin.CHANGE, None, "x", SOURCE)
    outcomes = [Outcome(change, OutcomeName.REJECTED, "422 " + " " * 290)] * 1200

    page = apply_result.page(mixed(), outcomes, "", most=most)

    assert len(page.encode()) <= max(most, 60)
    assert "1,200" in page or most == 50


def test_what_loses_something_stands_first_in_a_short_plan_too() -> None:
    page = comment.comment(make_report(mixed()), CommentContext())

    lost = [change for change, _ in make_report(mixed()).removals()]
    first = [line for line in page.splitlines() if line.startswith("# ")][: len(lost)]
    assert len(lost) == 2
    assert {line.split()[1] for line in first} == {str(change.address) for change in lost}


def test_what_is_left_out_is_said_with_its_number() -> None:
    report = make_report(large(3000))
    removes = report.effects[Effect.REMOVES]

    page = comment.comment(report, CommentContext(), most=6_000)

    (shown,) = re.findall(r"<b>(\d+) of (?:[\d,]+) records that lose", page)
    assert f"**{removes - int(shown):,} records that lose data**" in page


def test_no_page_is_made_where_not_even_the_counts_fit() -> None:
    with pytest.raises(ReconcilerError, match="more than 100 bytes"):
        comment.comment(make_report(large(10)), CommentContext(), most=100)


def test_two_long_values_show_where_they_differ() -> None:
    plan = mixed()
    change = structs.replace(plan.changes[0], before="x" * 500 + "a", after="x" * 500 + "b")
    plan = structs.replace(plan, changes=(change,) * 60)

    page = comment.comment(make_report(plan), CommentContext())

    old, new = re.findall(r"`(…x+[ab]\")` \(503 characters, [0-9a-f]{16}\)", page)[:2]
    assert (old[-2], new[-2]) == ("a", "b")


def test_the_golden_pages_are_all_tested() -> None:
    assert {path.name for path in GOLDEN.glob("*.md")} == set(PAGES)


def test_names_that_differ_beyond_what_is_shown_do_not_look_the_same() -> None:
    plan = mixed()
    change = plan.changes[0]

    def page(key: str, file: str) -> str:
        one = structs.replace(
            change,
            before=None,
            after=f'{{"{key}":1}}',
            source=structs.replace(change.source, file=file),
        )
        return comment.comment(
            make_report(structs.replace(plan, changes=(one,) * 60)), CommentContext()
        )

    long = "p" * 300
    pages = {page(long + "A", "f"), page(long + "B", "f"), page("k", long + "A"), page("k", long)}
    assert len(pages) == 4
    assert f":{change.source.line}`" in page("k", long)
