"""Report -> the part of a page that is never folded: warnings, counts, origins and scope."""

from collections.abc import Iterator

from reconciler.model import Origin, short_commit
from reconciler.planning.guards.registry import allow_flag, count_passed
from reconciler.planning.plan_diff import PlanDiff
from reconciler.planning.summary import all_not_found
from reconciler.review.grouping import Effect
from reconciler.review.guard_text import guard_text
from reconciler.review.headlines import NONE_FOUND
from reconciler.review.markdown import cells
from reconciler.review.markdown.detail_levels import CommentContext
from reconciler.review.report import Report
from reconciler.wording import plural

# More filters of the scope are counted, not listed.
_NARROWINGS = 5
# The digits of a digest that are shown instead of a commit.
_COMMIT_CHARS = 12

_ORIGINS = {
    Origin.CHANGE: "change (this revision)",
    Origin.DRIFT: "drift (already there)",
    Origin.BOTH: "both",
    Origin.ADOPT: "adopt (a live value that never came from git)",
}


def warnings(report: Report) -> Iterator[str]:
    """The warning at the top: unreadable records, conflicts and refused guards, if any."""
    counts, said = report.summary, []
    if counts.unreadable:
        lost = plural(counts.unreadable, "record")
        said.append(f"**{lost} could not be read**: this plan is not complete.")
    if all_not_found(report.plan):
        said.append(NONE_FOUND)
    if counts.conflicts:
        conflicts = plural(counts.conflicts, "conflict")
        said.append(f"**{conflicts}** with changes made outside git: nothing can be applied.")
    said += [
        f"**{guard_text(one).sentence}** (`{one.guard}`): an apply needs `{allow_flag(one)}`."
        for one in report.refused
    ]
    if said:
        yield "> [!WARNING]"
        # Markdown joins the lines of a paragraph; `<br>` keeps each warning on its own line.
        yield from (f"> {line}<br>" for line in said[:-1])
        yield from (f"> {said[-1]}", "")


def head(report: Report, context: CommentContext) -> Iterator[str]:
    """The heading, the result of an apply, the counts, the origins and the scope."""
    name = cells.span(context.name or report.plan.base_url.partition("://")[2].partition("/")[0])
    yield from (f"### user_data plan · {name} · {report.headline}", "")
    if context.status:
        why = f" {cells.span(context.why)}" if context.why else ""
        yield from (f"**{context.status}**{why}", "")
    yield from cells.table(
        "| worst effect on a record | records | keys |", "|---|---:|---:|", _counts(report)
    )
    yield from _origins(report)
    yield from _scope(report)
    if context.since is not None:
        yield from (_since(context.since), "")


def _counts(report: Report) -> Iterator[str]:
    """Rows of records by effect and keys by operation; with changes, also effects of no record."""
    counts, ops = report.summary, report.ops
    rows = [
        ("➖ lose data", report.effects[Effect.REMOVES], f"−{ops['remove']:,}"),
        ("🔄 replaced", report.effects[Effect.CHANGES], f"~{ops['replace']:,}"),
        ("➕ added to", report.effects[Effect.ADDS], f"+{ops['add']:,}"),
        ("⛔ in conflict", counts.conflicts, ""),
        ("⏸ left alone", counts.left_alone, ""),
        ("⏭ unchanged", counts.in_sync, ""),
        ("👋 removed from git, live value kept", counts.released, ""),
        ("⚠️ could not be read", counts.unreadable, ""),
    ]
    for what, number, keys in rows:
        if number or (keys and counts.changes):
            yield f"| {what} | {number:,} | {keys} |"


def _origins(report: Report) -> Iterator[str]:
    """A line with the changes by origin and the guards; no origins if no base is known."""
    plan, refused = report.plan, len(report.refused)
    parts = []
    if plan.revisions.base is not None:
        origins = report.summary.origins
        parts = [
            f"{words}: **{origins[one]:,}**" for one, words in _ORIGINS.items() if origins[one]
        ]
    if refused:
        parts.append(f"⛔ {plural(refused, 'guard')} refused")
    elif plan.guards:
        parts.append(f"✅ Guards: {count_passed(plan.guards)}")
    if parts:
        yield from (" · ".join(parts), "")
    if plan.revisions.base is None and plan.revisions.base_is and report.summary.changes:
        why = cells.span(plan.revisions.base_is)
        yield f"No base ({why}): every live value counts as one that never came from git."
        yield ""


def _scope(report: Report) -> Iterator[str]:
    plan, scope = report.plan, report.plan.scope
    if scope.since is not None:
        yield (
            f"Checked {plan.managed:,} of {plural(scope.records, 'record')}: those that changed "
            f"since `{short_commit(scope.since)}`. Drift in the others was not checked."
        )
        yield ""
    flags = (
        ("manifests", scope.manifests),
        ("target", scope.target),
        ("exclude", scope.exclude),
        ("only", scope.only),
    )
    narrowed = [f"--{flag} {text}" for flag, texts in flags for text in texts]
    if narrowed:
        # The header is in every level: with many filters, a page could fit at no level.
        rest = len(narrowed) - _NARROWINGS
        shown = ", ".join(map(cells.span, narrowed[:_NARROWINGS]))
        yield f"Limited to {shown}{f' and {rest:,} more' if rest > 0 else ''}."
        yield ""


def _since(delta: PlanDiff) -> str:
    """The differences from the previous plan, which is named by its commit or its digest."""
    head = delta.old.revisions.head
    then = short_commit(head) if head else delta.old.digest.partition(":")[2][:_COMMIT_CHARS]
    if not delta.differs:
        return f"Since the last plan (`{then}`): the same changes."
    other = len(delta.rewritten) + len(delta.moved)
    return (
        f"Since the last plan (`{then}`): **+{len(delta.added):,}** −{len(delta.removed):,} "
        f"records, {other:,} with other values, {delta.unchanged:,} the same."
    )
