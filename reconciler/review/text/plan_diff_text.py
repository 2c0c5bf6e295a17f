"""The differences of two plans -> lines for people, or JSON."""

from collections.abc import Iterator

import msgspec

from reconciler.escape.text import visible
from reconciler.model import Change
from reconciler.planning.plan_diff import PlanDiff
from reconciler.review.colours import Paint


def text(delta: PlanDiff, paint: Paint) -> Iterator[str]:
    """Lines without their newlines: each record that differs, both digests, and the counts."""
    rows = [
        *((paint.added("+"), change, "only in the new plan") for change in delta.added),
        *((paint.removed("-"), change, "only in the old plan") for change in delta.removed),
        *((paint.changed("~"), change, "would get another value") for change in delta.rewritten),
        *((paint.changed("~"), change, "has another live value") for change in delta.moved),
    ]
    for mark, change, what in rows:
        source = f"{visible(change.source.file)}:{change.source.line}"
        yield f"  {mark} {paint.strong(str(change.address))} {what} ({paint.dim(source)})"
    if rows:
        yield ""
    # A digest covers the address of the API: two digests of equal changes need an explanation.
    if delta.old.base_url != delta.new.base_url:
        yield (
            f"The old plan was made for {visible(delta.old.base_url)}, "
            f"the new one for {visible(delta.new.base_url)}."
        )
    yield paint.dim(f"Old digest: {delta.old.digest}")
    yield paint.dim(f"New digest: {delta.new.digest}")
    yield paint.strong(_counts(delta) if delta.differs else "Both plans make the same changes.")


def json(delta: PlanDiff) -> str:
    """A JSON document for tools: both digests, the addresses by kind of difference, and a count."""
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
        f"{rewritten:,} changed, {delta.unchanged:,} unchanged."
    )


def _addresses(changes: tuple[Change, ...]) -> list[str]:
    return [str(change.address) for change in changes]
