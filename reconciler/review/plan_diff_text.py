"""What differs between two plans -> lines for people, or JSON."""

from collections.abc import Iterator

import msgspec

from reconciler.escape import visible
from reconciler.model import Change
from reconciler.planning.plan_diff import PlanDiff
from reconciler.review.colours import Paint


def text(delta: PlanDiff, paint: Paint) -> Iterator[str]:
    """Each record that differs on a line, then the counts; the digests say what was approved."""
    rows = [
        *((paint.added("+"), change, "only in the new plan") for change in delta.added),
        *((paint.removed("-"), change, "only in the old plan") for change in delta.removed),
        *((paint.changed("~"), change, "is to hold another value") for change in delta.rewritten),
        *((paint.changed("~"), change, "holds another value live") for change in delta.moved),
    ]
    for mark, change, what in rows:
        source = f"{visible(change.source.file)}:{change.source.line}"
        yield f"  {mark} {paint.strong(str(change.address))} {what} ({paint.dim(source)})"
    if rows:
        yield ""
    if delta.old.base_url != delta.new.base_url:
        yield f"Made for {visible(delta.old.base_url)}, then for {visible(delta.new.base_url)}."
    yield paint.dim(f"Old digest: {delta.old.digest}")
    yield paint.dim(f"New digest: {delta.new.digest}")
    yield paint.strong(_counts(delta) if delta.differs else "The plans write the same.")


def json(delta: PlanDiff) -> str:
    """The same for tools: addresses, by what happened to them."""
    rows = {
        "old_digest": delta.old.digest,
        "new_digest": delta.new.digest,
        "added": _addresses(delta.added),
        "removed": _addresses(delta.removed),
        "rewritten": _addresses(delta.rewritten),
        "moved": _addresses(delta.moved),
        "unchanged": delta.unchanged,
    }
    return msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n"


def _counts(delta: PlanDiff) -> str:
    rewritten = len(delta.rewritten) + len(delta.moved)
    return (
        f"Since the old plan: {len(delta.added):,} added, {len(delta.removed):,} removed, "
        f"{rewritten:,} changed, {delta.unchanged:,} the same."
    )


def _addresses(changes: tuple[Change, ...]) -> list[str]:
    return [str(change.address) for change in changes]
