"""Outcomes of an apply -> lines for people."""

from collections import Counter
from collections.abc import Iterable, Iterator

from reconciler.escape.text import visible
from reconciler.model import GOOD_OUTCOMES, Outcome, OutcomeName
from reconciler.planning.summary import tally
from reconciler.review.colours import Paint
from reconciler.wording import plural


def text(
    all_of_them: Iterable[Outcome], paint: Paint, *, unread: int = 0, verbose: bool = False
) -> Iterator[str]:
    """Lines without their newlines: records, counts by outcome, and the line that scripts read.

    A record gets a line if its outcome has a detail or is not a good one; with `verbose` every
    record gets one. Without it, records that were skipped, or more than MAX_ALIKE with the same
    outcome and detail, share a line with their number. `unread` is the number of records that could
    not be read for the plan: if there are any, the apply is incomplete. The last line is
    `Apply complete! Resources: 0 added, 3 changed, 0 destroyed.`
    """
    done = tuple(all_of_them)
    counts = tally(done)
    shown = [one for one in done if verbose or one.detail or one.name not in GOOD_OUTCOMES]
    alike = Counter((one.name, one.detail) for one in shown)
    for outcome in shown:
        name, detail = outcome.name, outcome.detail
        count = alike[name, detail]
        few = count <= MAX_ALIKE and name is not OutcomeName.SKIPPED
        if not count:
            continue
        who = str(outcome.change.address)
        if not (verbose or few):
            # Once for all of them, in the place of the first.
            alike[name, detail] = 0
            who = plural(count, "record")
        mark = paint.removed("!") if name in _BAD else " "
        yield f"{mark} {who} {name}{f': {visible(detail)}' if detail else ''}"
    if OutcomeName.SKIPPED in counts:
        yield "Run the same command again: it does the rest."
    # If every change was applied, the last line already has the only number.
    if len(counts) > 1 or OutcomeName.APPLIED not in counts:
        yield ", ".join(f"{count:,} {name}" for name, count in counts.items()) + "."
    applied = counts.get(OutcomeName.APPLIED, 0)
    complete = not unread and not _BAD.intersection(counts) and OutcomeName.STALE not in counts
    word = paint.strong("Apply complete!" if complete else "Apply incomplete!")
    yield f"{word} Resources: 0 added, {applied} changed, 0 destroyed."


# More records with the same outcome and detail share a line: a refused token ends hundreds alike.
MAX_ALIKE = 10

# A stale record is not an error: another client changed it, and it is left as it is.
_BAD = frozenset(OutcomeName) - GOOD_OUTCOMES - {OutcomeName.STALE}
