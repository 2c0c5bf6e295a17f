"""A report -> the first sentences of every format: the worst effects, and the blockers."""

from collections.abc import Iterator

from reconciler.planning.summary import all_not_found
from reconciler.review.grouping import Effect
from reconciler.review.report import Report
from reconciler.wording import plural

# The words after the number of records, for one record and for several.
_EFFECT_WORDS = {
    Effect.REMOVES: ("loses data", "lose data"),
    Effect.CHANGES: ("replaced", "replaced"),
    Effect.ADDS: ("added to", "added to"),
}


RESOLVE = (
    "For each record: --resolve ADDRESS=git or --resolve ADDRESS=live; "
    "or copy the live value into the manifest."
)

NONE_FOUND = (
    "The API has none of these records. Check the address of the API, and whether the token is of "
    "the right account."
)


def effects(report: Report) -> tuple[tuple[Effect, int, str], ...]:
    """The number of records by worst effect, with its words; effects without records are left out.

    For example `((REMOVES, 2, "lose data"), (CHANGES, 1, "replaced"))`, the worst effect first.
    """
    return tuple(
        (effect, number, one if number == 1 else several)
        for effect, (one, several) in _EFFECT_WORDS.items()
        if (number := report.effects[effect])
    )


def effects_sentence(report: Report) -> str:
    """All effects in one text: `1 loses data, 4,706 replaced, 12 added to`."""
    return ", ".join(f"{number:,} {words}" for _, number, words in effects(report))


def blockers(report: Report) -> Iterator[str]:
    """Sentences on why the plan is incomplete or cannot be applied as it is."""
    counts = report.summary
    if counts.unreadable:
        yield f"{plural(counts.unreadable, 'record')} could not be read: this plan is not complete."
    if all_not_found(report.plan):
        yield NONE_FOUND
    if counts.conflicts:
        yield (
            f"Conflicts: {counts.conflicts:,}. Git and another client changed the same values: "
            "nothing can be applied."
        )
    if report.refused:
        names = ", ".join(guard_result.guard for guard_result in report.refused)
        yield f"An apply of this plan is refused by {names}."
