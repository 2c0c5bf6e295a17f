"""Outcomes of an apply -> markdown for a step's summary."""

from collections.abc import Iterator, Sequence

from reconciler.model import GOOD_OUTCOMES, Outcome, OutcomeName, Plan
from reconciler.planning.summary import tally
from reconciler.review.markdown import cells
from reconciler.review.markdown.comment import within
from reconciler.wording import plural

# The numbers of rows to try, largest first. A table of more records would be too long to read; the
# report of the run lists them all.
_ROWS = (1000, 200, 50, 10, 0)


def page(plan: Plan | None, outcomes: Sequence[Outcome], error: str, *, most: int) -> str:
    """Counts by outcome, the error, and the records that are neither `applied` nor `already`.

    At most `most` bytes of UTF-8, or one line of 50 bytes if nothing longer fits. `plan` is None if
    the run ended before there was a plan; `error` is empty unless an error ended the run.
    """
    for rows in _ROWS:
        # Details quote the API: the size of a row is unknown until it is rendered.
        text = within(_page(plan, outcomes, error, rows), most)
        if text is not None:
            return text
    return "### user_data apply: the result does not fit here\n"


def _page(
    plan: Plan | None, outcomes: Sequence[Outcome], error: str, rows_shown: int
) -> Iterator[str]:
    counts = tally(outcomes)
    changes = 0 if plan is None else len(plan.changes)
    applied = counts.get(OutcomeName.APPLIED, 0)
    yield f"### user_data apply · {applied:,} of {plural(changes, 'change')} applied"
    yield ""
    if error:
        yield from ("> [!WARNING]", f"> {cells.span(error)}", "")
    yield from cells.table(
        "| outcome | records |",
        "|---|---:|",
        (f"| {name} | {count:,} |" for name, count in counts.items()),
    )
    left = [outcome for outcome in outcomes if outcome.name not in GOOD_OUTCOMES]
    if left:
        rows = map(_row, left[:rows_shown])
        lines = [
            *cells.table("| record | outcome | why |", "|---|---|---|", rows),
            *cells.more(len(left) - rows_shown),
        ]
        title = f"<b>{plural(len(left), 'record')} not in place</b>"
        yield from cells.folded(title, lines, opened=len(left) <= rows_shown)
    if plan is not None:
        yield f"Digest `{plan.digest}`"


def _row(outcome: Outcome) -> str:
    detail = cells.span(outcome.detail) if outcome.detail else ""
    return f"| {cells.span(str(outcome.change.address))} | {outcome.name} | {detail} |"
