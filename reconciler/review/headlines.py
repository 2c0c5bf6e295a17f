"""Report -> what is read first, in sentences: the worst that is done, and what stops it."""

from collections.abc import Iterator

from reconciler.planning.summary import none_found
from reconciler.review.change_text import count_records
from reconciler.review.grouping import Effect
from reconciler.review.report import Report

# Of one record, and of several.
_DOES = {
    Effect.REMOVES: ("loses something", "lose something"),
    Effect.CHANGES: ("changes", "change"),
    Effect.ADDS: ("only gains", "only gain"),
}


RESOLVE = "For each: --resolve ADDRESS=git or =live; or put what is live into the manifest."

NONE_FOUND = (
    "The API has none of these records. Is it the right one, and the token of the right account?"
)


def effects(report: Report) -> tuple[tuple[Effect, int, str], ...]:
    """The worst that is done to how many records, in words: `(REMOVES, 2, "lose something")`."""
    return tuple(
        (effect, number, one if number == 1 else several)
        for effect, (one, several) in _DOES.items()
        if (number := report.effects[effect])
    )


def effects_sentence(report: Report) -> str:
    """All of it: `1 loses something, 4,706 change`."""
    return ", ".join(f"{number:,} {words}" for _, number, words in effects(report))


def blockers(report: Report) -> Iterator[str]:
    """Why the plan is not whole, or cannot be applied as it is."""
    counts = report.summary
    if counts.unreadable:
        yield f"{count_records(counts.unreadable)} could not be read: this plan is not complete."
    if none_found(report.plan):
        yield NONE_FOUND
    if counts.conflicts:
        yield f"{counts.conflicts:,} in conflict with somebody else: nothing can be applied."
    if report.refused:
        names = ", ".join(verdict.guard for verdict in report.refused)
        yield f"An apply of this plan is refused by {names}."
