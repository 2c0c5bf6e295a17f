"""Plan -> lines for people, at any width, with or without colour."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from reconciler import policies
from reconciler.diff import places as places_of
from reconciler.escape import visible
from reconciler.grouping import groups, hidden
from reconciler.model import Plan, Released, Unreadable, Verdict, short
from reconciler.render import places, records
from reconciler.render.guards import told
from reconciler.render.paint import Paint
from reconciler.render.records import how_many, where
from reconciler.report import Summary, summarize
from reconciler.value import steps_of

NO_CHANGES = "No changes. Your records match the configuration."

# Released records are left as they are; past so many only their number is news.
_MOST_RELEASED = 20


# A plan of more changes shows those that are alike together.
_LONG_PLAN = 50

# How much is shown of each change: all, all of a short plan, or a line.
Detail: TypeAlias = Literal["verbose", "grouped", "concise"]


def plan(plan: Plan, paint: Paint, width: int, *, detail: Detail = "grouped") -> Iterator[str]:
    """A whole plan, a line at a time without its newline.

    The last line is the one that scripts look for: `Plan: 0 to add, ...` or `No changes. ...`.
    """
    yield from _compared(plan, paint)
    if plan.changes:
        yield f"These records of {visible(plan.base_url)} differ from the manifests:"
        yield ""
    if detail == "concise":
        yield from _concise(plan, paint)
    elif detail == "verbose" or len(plan.changes) <= _LONG_PLAN:
        for change in plan.changes:
            found = places_of(change.before, change.after, hidden(plan, change))
            yield from records.change(change, found, paint, width)
            yield ""
    else:
        yield from _grouped(plan, paint, width)
    if plan.conflicts:
        yield from _conflicts(plan, paint)
    if plan.released:
        yield from _released(plan.released, paint)
    if plan.unreadable:
        yield paint.strong(f"{how_many(len(plan.unreadable))} could not be read:")
        yield ""
        for record in plan.unreadable:
            yield from _unreadable(record, paint)
        yield ""
    yield from totals(plan, paint)


def totals(plan: Plan, paint: Paint) -> Iterator[str]:
    """The last lines of a plan: the counts, the guards, the digest, the line for scripts."""
    summary = summarize(plan)
    yield f"{how_many(summary.managed)}: {', '.join(_parts(summary))}."
    if plan.revisions.base is not None and summary.changes:
        origins = [f"{count:,} {origin}" for origin, count in summary.origins.items() if count]
        yield f"Origin: {', '.join(origins)}."
    yield from _scope(plan)
    for verdict in plan.guards:
        yield from _guard(verdict, paint)
    if summary.changes:
        yield paint.dim(f"Digest: {plan.digest}")
        yield paint.strong(f"Plan: 0 to add, {summary.changes} to change, 0 to destroy.")
    elif not (summary.unreadable or summary.conflicts or summary.left):
        yield paint.strong(NO_CHANGES)


def _parts(summary: Summary) -> Iterator[str]:
    yield f"{summary.in_sync:,} in sync"
    counts = {
        "to set": summary.set,
        "to change": summary.change,
        "to clear": summary.clear,
        "in conflict": summary.conflicts,
        "left alone": summary.left,
        "not read": summary.unreadable,
    }
    yield from (f"{count:,} {what}" for what, count in counts.items() if count)


def _compared(plan: Plan, paint: Paint) -> Iterator[str]:
    if plan.revisions.base is not None:
        commit = paint.strong(short(plan.revisions.base))
        yield f"Compared with {commit} ({visible(plan.revisions.base_is or '')})."


def _scope(plan: Plan) -> Iterator[str]:
    scope = plan.scope
    if scope.since is not None:
        yield (
            f"Checked {plan.managed:,} of {how_many(scope.records)} (changed since "
            f"{short(scope.since)}). Drift elsewhere not checked."
        )
    if scope.only:
        yield f"Only changes of origin {', '.join(scope.only)} are written."
    narrowed = [f"--manifests {visible(text)}" for text in scope.manifests]
    narrowed += [f"--target {visible(text)}" for text in scope.target]
    narrowed += [f"--exclude {visible(text)}" for text in scope.exclude]
    if narrowed:
        yield f"Narrowed by {', '.join(narrowed)}."


def _guard(verdict: Verdict, paint: Paint) -> Iterator[str]:
    """What a guard found, where it found something: the limit, the value, the first records."""
    if verdict.ok and verdict.allowed is None:
        return
    words = told(verdict)
    said = f"{verdict.guard}: {words.sentence}"
    if verdict.ok:
        yield f"{paint.changed('!')} {said}. Allowed this once, up to {words.raised}."
        return
    yield f"{paint.removed('!')} {paint.strong(said)}."
    yield from (f"    {address}" for address in verdict.first)
    yield f"    If it is meant: {policies.way_out(verdict)}"


def _grouped(plan: Plan, paint: Paint, width: int) -> Iterator[str]:
    for group in groups(plan):
        if not group.outlier:
            yield from records.group(group, paint, width)
            yield ""
            continue
        for change, found in group.members:
            yield from records.change(change, found, paint, width)
            yield ""


def _concise(plan: Plan, paint: Paint) -> Iterator[str]:
    for group in groups(plan):
        yield from records.concise(group, paint)
    yield ""


def _conflicts(plan: Plan, paint: Paint) -> Iterator[str]:
    """Conflicts as kubectl tells them: which places, whose values, and the ways out."""
    count = "1 conflict" if len(plan.conflicts) == 1 else f"{len(plan.conflicts):,} conflicts"
    yield paint.strong(f"{count}: git and somebody else changed the same places since the base.")
    yield ""
    for conflict in plan.conflicts:
        yield f"  {paint.removed('!')} {paint.strong(str(conflict.address))}"
        yield f"      {where(conflict.source, paint)}  {paint.removed('conflict')}"
        for place in conflict.places:
            yield f"      {paint.removed('!')} {places.name(steps_of(place))}:"
            for side, value in records.sides(conflict, place, plan):
                yield f"          {side:<4} {value}"
        yield ""
    first = plan.conflicts[0].address
    yield "Nothing can be applied while a conflict is open. For each record, one of these:"
    yield "  write what git wants there, or keep what is live there:"
    yield f"    --resolve {first}=git"
    yield f"    --resolve {first}=live"
    yield "  put what is live into the manifest; or leave the record out with --exclude."
    yield ""


def _released(released: tuple[Released, ...], paint: Paint) -> Iterator[str]:
    are = "is in git no more, and left as it is"
    if len(released) != 1:
        are = "are in git no more, and left as they are"
    yield paint.strong(f"{how_many(len(released))} {are}:")
    yield ""
    for record in released[:_MOST_RELEASED]:
        yield f"  . {record.address}  {where(record.source, paint)}"
    if len(released) > _MOST_RELEASED:
        yield f"  ... and {len(released) - _MOST_RELEASED:,} more"
    yield ""


def _unreadable(record: Unreadable, paint: Paint) -> Iterator[str]:
    status = f"{record.status} " if record.status else ""
    yield f"  {paint.removed('!')} {paint.strong(str(record.address))}"
    yield f"      {where(record.source, paint)}  {status}{visible(record.reason)}"
