"""Outcomes of an apply -> lines for people."""

from collections.abc import Iterable, Iterator

from reconciler.escape.text import visible
from reconciler.model import GOOD_OUTCOMES, Outcome, OutcomeName
from reconciler.planning.summary import tally
from reconciler.review.colours import Paint


def text(
    all_of_them: Iterable[Outcome], paint: Paint, *, unread: int = 0, verbose: bool = False
) -> Iterator[str]:
    """Lines without their newlines: records, counts by outcome, and the line that scripts read.

    A record gets a line if its outcome has a detail or is not a good one; with `verbose` every
    record gets one. `unread` is the number of records that could not be read for the plan: if there
    are any, the apply is incomplete. The last line is
    `Apply complete! Resources: 0 added, 3 changed, 0 destroyed.`
    """
    done = tuple(all_of_them)
    counts = tally(done)
    for outcome in done:
        if verbose or outcome.detail or outcome.name not in GOOD_OUTCOMES:
            mark = paint.removed("!") if outcome.name in _BAD else " "
            detail = f": {visible(outcome.detail)}" if outcome.detail else ""
            yield f"{mark} {outcome.change.address} {outcome.name}{detail}"
    # If every change was applied, the last line already has the only number.
    if len(counts) > 1 or OutcomeName.APPLIED not in counts:
        yield ", ".join(f"{count:,} {name}" for name, count in counts.items()) + "."
    applied = counts.get(OutcomeName.APPLIED, 0)
    complete = not unread and not _BAD.intersection(counts) and OutcomeName.STALE not in counts
    word = paint.strong("Apply complete!" if complete else "Apply incomplete!")
    yield f"{word} Resources: 0 added, {applied} changed, 0 destroyed."


# The record holds the wanted value.
# A stale record is not an error: another client changed it, and it is left as it is.
_BAD = frozenset(OutcomeName) - GOOD_OUTCOMES - {OutcomeName.STALE}
