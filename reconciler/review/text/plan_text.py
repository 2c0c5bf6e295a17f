"""A plan -> lines for people, at any width, with or without colour."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from reconciler.escape.text import visible
from reconciler.git import FETCH
from reconciler.model import GuardResult, Plan, short_commit
from reconciler.planning.guards.registry import allow_flag
from reconciler.planning.summary import Summary, summarize
from reconciler.review import headlines
from reconciler.review.colours import Paint
from reconciler.review.grouping import Effect
from reconciler.review.guard_text import guard_text
from reconciler.review.report import Report
from reconciler.review.text import change_text, other_records_text
from reconciler.wording import plural

# Scripts look for this line and for `Plan: 0 to add, ...`: their wording does not change.
NO_CHANGES = "No changes. Your records match the configuration."

# A plan of more changes than this shows similar changes as groups.
_LONG_PLAN = 10

# How much is shown: every change in full; the same, but groups in a long plan; or a line a group.
Detail: TypeAlias = Literal["verbose", "grouped", "concise"]


def plan(report: Report, paint: Paint, width: int, *, detail: Detail = "grouped") -> Iterator[str]:
    """The lines of a whole plan without their newlines; `width` is in columns.

    The last line is the one that scripts look for: `Plan: 0 to add, ...` or `No changes. ...`.
    """
    plan = report.plan
    yield from _head(report, paint)
    if detail == "concise":
        yield from _concise(report, paint)
    elif detail == "verbose" or len(plan.changes) <= _LONG_PLAN:
        for change, found in report.members:
            yield from change_text.change(change, found, paint, width, origin=_knows_origins(plan))
            yield ""
    else:
        yield from _grouped(report, paint, width)
    yield from other_records_text.conflicts(plan, paint, concise=detail == "concise")
    yield from other_records_text.released(plan, paint)
    yield from other_records_text.unreadable(report, paint, verbose=detail == "verbose")
    yield from totals(plan, paint)


def _head(report: Report, paint: Paint) -> Iterator[str]:
    """The number of changes, their worst effects, and the blockers, whose details come last."""
    plan = report.plan
    if plan.revisions.base is not None:
        commit = paint.strong(short_commit(plan.revisions.base))
        yield f"Compared with {commit} ({visible(plan.revisions.base_is or '')})."
    # Without changes only a base that is lost is named: removals since then were not looked for.
    elif plan.revisions.base_is is not None and (plan.changes or FETCH in plan.revisions.base_is):
        yield f"No base: {visible(plan.revisions.base_is)}."
        yield "Every live value counts as one that never came from git."
    if not plan.changes:
        return
    only_changes = report.effects[Effect.CHANGES] == report.summary.changes
    worst = "" if only_changes else f": {headlines.effects_sentence(report)}"
    yield f"{paint.strong(report.headline)}{worst}."
    yield from (f"{paint.removed('!')} {said}" for said in headlines.blockers(report))
    yield f"These records of {visible(plan.base_url)} differ from the manifests:"
    yield ""


def totals(plan: Plan, paint: Paint) -> Iterator[str]:
    """The last lines of a plan: the counts, the guards, the digest, and the line for scripts.

    The line for scripts is missing if nothing changes but records are unread, left alone or in
    conflict: the records do not match the configuration then.
    """
    summary = summarize(plan)
    yield f"{plural(summary.managed, 'record')}: {', '.join(_parts(summary))}."
    if plan.revisions.base is not None and summary.changes:
        origins = [f"{count:,} {origin}" for origin, count in summary.origins.items() if count]
        yield f"Origin: {', '.join(origins)}."
    yield from _scope(plan)
    for guard_result in plan.guards:
        yield from _guard(guard_result, paint)
    if summary.changes:
        yield paint.dim(f"Digest: {plan.digest}")
        # No thousands separators, unlike in the lines above: scripts read this number.
        yield paint.strong(f"Plan: 0 to add, {summary.changes} to change, 0 to destroy.")
    elif not (summary.unreadable or summary.conflicts or summary.left_alone):
        yield paint.strong(NO_CHANGES)


def _parts(summary: Summary) -> Iterator[str]:
    yield f"{summary.in_sync:,} in sync"
    counts = {
        "to set": summary.set,
        "to change": summary.change,
        "to clear": summary.clear,
        "in conflict": summary.conflicts,
        "left alone": summary.left_alone,
        "not read": summary.unreadable,
    }
    yield from (f"{count:,} {what}" for what, count in counts.items() if count)


def _scope(plan: Plan) -> Iterator[str]:
    scope = plan.scope
    if scope.since is not None:
        yield (
            f"Checked {plan.managed:,} of {plural(scope.records, 'record')} (changed since "
            f"{short_commit(scope.since)}). Drift elsewhere not checked."
        )
    if scope.only:
        yield f"Only changes of origin {', '.join(scope.only)} are written."
    narrowed = [f"--manifests {visible(text)}" for text in scope.manifests]
    narrowed += [_target_flag(text) for text in scope.target]
    narrowed += [f"--exclude {visible(text)}" for text in scope.exclude]
    if narrowed:
        yield f"Limited to {', '.join(narrowed)}."


def _target_flag(text: str) -> str:
    """A target as its flag; targets of a file are written `@targets.txt` in a plan."""
    name = visible(text)
    return f"--target-file {name[1:]}" if name.startswith("@") else f"--target {name}"


def _guard(guard_result: GuardResult, paint: Paint) -> Iterator[str]:
    """The sentence of a guard that refuses, its first records, and the flag that would allow it.

    For a guard that --allow lets pass only the sentence; nothing for one that simply passes.
    """
    if not guard_result.checked:
        yield paint.dim(
            f"{guard_result.guard} was not checked: {guard_text(guard_result).sentence}."
        )
        return
    if guard_result.ok and guard_result.allowed is None:
        return
    words = guard_text(guard_result)
    said = f"{guard_result.guard}: {words.sentence}"
    if guard_result.ok:
        yield f"{paint.changed('!')} {said}. Allowed once, up to {words.raised}."
        return
    yield f"{paint.removed('!')} {paint.strong(said)}."
    yield from (f"    {address}" for address in guard_result.first)
    yield f"    To allow it once: {allow_flag(guard_result)}"


def _knows_origins(plan: Plan) -> bool:
    """Whether the origins of a plan mean something: without a base all of them are assumed."""
    return plan.revisions.base is not None


def _grouped(report: Report, paint: Paint, width: int) -> Iterator[str]:
    for group in report.groups:
        origin = _knows_origins(report.plan)
        if not group.outlier:
            yield from change_text.group(group, paint, width, origin=origin)
            yield ""
            continue
        for change, found in group.members:
            yield from change_text.change(change, found, paint, width, origin=origin)
            yield ""


def _concise(report: Report, paint: Paint) -> Iterator[str]:
    for group in report.groups:
        yield from change_text.concise(group, paint, origin=_knows_origins(report.plan))
    if report.groups:
        yield ""
