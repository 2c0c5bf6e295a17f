"""Outcomes -> lines for people: what an apply did."""

from collections.abc import Iterable, Iterator

from reconciler.escape import visible
from reconciler.model import Outcome, OutcomeName
from reconciler.planning.summary import tally
from reconciler.review.colours import Paint


def text(
    all_of_them: Iterable[Outcome], paint: Paint, *, unread: int = 0, verbose: bool = False
) -> Iterator[str]:
    """What an apply did: each record that was not simply written (or all), then the counts.

    What of the plan was `unread` is not in place, as far as anybody knows.
    """
    done = tuple(all_of_them)
    counts = tally(done)
    for outcome in done:
        if verbose or outcome.detail or outcome.name not in _FINE:
            mark = paint.removed("!") if outcome.name in _BAD else " "
            detail = f": {visible(outcome.detail)}" if outcome.detail else ""
            yield f"{mark} {outcome.change.address} {outcome.name}{detail}"
    if len(counts) > 1 or OutcomeName.APPLIED not in counts:
        yield ", ".join(f"{count:,} {name}" for name, count in counts.items()) + "."
    applied = counts.get(OutcomeName.APPLIED, 0)
    complete = not unread and not _BAD.intersection(counts) and OutcomeName.STALE not in counts
    word = paint.strong("Apply complete!" if complete else "Apply incomplete!")
    yield f"{word} Resources: 0 added, {applied} changed, 0 destroyed."


_FINE = frozenset((OutcomeName.APPLIED, OutcomeName.ALREADY))
_BAD = frozenset(OutcomeName) - _FINE - {OutcomeName.STALE}
