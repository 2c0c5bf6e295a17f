"""Report -> the parts of a page besides its changes: conflicts, owners, guards, links."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from reconciler.escape.text import visible
from reconciler.model import Conflict, GuardResult, Plan, Unreadable, short_commit
from reconciler.planning.guards.registry import count_passed
from reconciler.review.guard_text import guard_text
from reconciler.review.headlines import RESOLVE
from reconciler.review.markdown import cells
from reconciler.review.markdown.detail_levels import CommentContext, Level
from reconciler.review.report import Report, Share
from reconciler.review.text import change_text
from reconciler.values.json_pointer import from_pointer
from reconciler.wording import plural


def conflicts(report: Report, level: Level) -> Iterator[str]:
    """Records in conflict: git and another client changed the same keys."""
    found = report.plan.conflicts
    shown = found[: level.others]
    if shown:
        rows = (row for conflict in shown for row in _conflict(conflict, report.plan, level.keys))
        head = "| record | both changed | base | git | live | where |"
        lines = [
            *cells.table(head, "|---|---|---|---|---|---|", rows),
            *cells.more(len(found) - len(shown)),
            cells.span(RESOLVE),
        ]
        # Open: one conflict stops the apply of the whole plan.
        title = f"⛔ <b>{plural(len(found), 'conflict')}</b>"
        yield from cells.folded(title, lines, opened=True)


def _conflict(conflict: Conflict, plan: Plan, keys: int) -> Iterator[str]:
    """A row for each of the first `keys` paths in conflict, and one with the number of others."""
    head, where = cells.span(str(conflict.address)), cells.source(conflict.source)
    at = change_text.sides(conflict, plan)
    for path in conflict.paths[:keys]:
        values = " | ".join(cells.value(shown) for _, shown in at(path))
        yield f"| {head} | {cells.name(from_pointer(path))} | {values} | {where} |"
    rest = len(conflict.paths) - keys
    if rest > 0:
        yield f"| {head} | and {plural(rest, 'more key')} | | | | {where} |"


def unreadable(report: Report, level: Level) -> Iterator[str]:
    """Records that could not be read, with the status of the answer, if any, and the reason."""
    lost = report.plan.unreadable
    shown = lost[: level.others]
    if shown:
        lines = [
            *cells.table("| record | why | where |", "|---|---|---|", map(_unreadable, shown)),
            *cells.more(len(lost) - len(shown)),
        ]
        title = f"⚠️ <b>{plural(len(lost), 'record')} could not be read</b>"
        yield from cells.folded(title, lines, opened=True)


def _unreadable(record: Unreadable) -> str:
    why = cells.span(f"{record.status or ''} {record.reason}".strip())
    return f"| {cells.span(str(record.address))} | {why} | {cells.source(record.source)} |"


def released(report: Report, level: Level) -> Iterator[str]:
    """Records that were removed from git and whose live values are kept."""
    gone = report.plan.released
    shown = gone[: level.others]
    if shown:
        lines = [f"- {cells.span(str(one.address))} {cells.source(one.source)}" for one in shown]
        lines += cells.more(len(gone) - len(shown))
        stay = (
            "was removed from git; its live value is kept"
            if len(gone) == 1
            else "were removed from git; their live values are kept"
        )
        yield from cells.folded(f"{plural(len(gone), 'record')} {stay}", lines)


def shares(
    title: str, key: str, all_shares: Sequence[Share], context: CommentContext, level: Level
) -> Iterator[str]:
    """A table of the changed records by owner or by file; `key` is `owner` or `file`."""
    shown = all_shares[: level.others]
    if shown:
        lines = [
            *cells.table(
                f"| {key} | records | ➖ | 🔄 | ➕ |",
                "|---|---:|---:|---:|---:|",
                (_share(key, share, context) for share in shown),
            ),
            *cells.more(len(all_shares) - len(shown)),
        ]
        yield from cells.folded(f"{title}: {len(all_shares):,}", lines)


def _share(key: str, share: Share, context: CommentContext) -> str:
    # Escaped as in the page, whose script compares the texts. Percent-encoded, because `&`
    # would end the value and `)` the Markdown link.
    fragment = f"{key}={quote(visible(share.name), safe='')}"
    return (
        f"| {cells.linked(cells.span(share.name), fragment, context)} | {share.records:,} | "
        f"{share.removes:,} | {share.changes:,} | {share.adds:,} |"
    )


def keys(report: Report, level: Level) -> Iterator[str]:
    """A table of the changed keys and the number of changes of each; nothing for a single key."""
    shown = report.keys[: level.others]
    # The table of the header already has the counts of a single key.
    if len(shown) > 1:
        rows = (
            f"| {cells.name(key.path, any_item=True)} | {key.removes:,} | {key.changes:,} | "
            f"{key.adds:,} |"
            for key in shown
        )
        lines = [
            *cells.table("| key | ➖ | 🔄 | ➕ |", "|---|---:|---:|---:|", rows),
            *cells.more(len(report.keys) - len(shown)),
        ]
        yield from cells.folded(f"By key: {len(report.keys):,}", lines)


def guards(report: Report) -> Iterator[str]:
    """A table of the guards with their values and limits."""
    guard_results, refused = report.plan.guards, len(report.refused)
    if guard_results:
        passed = count_passed(guard_results)
        summary = f"{refused:,} refused, {passed}" if refused else passed
        rows = map(_guard, guard_results)
        yield from cells.folded(
            f"🛡 Guards: {summary}",
            cells.table("| result | guard | found | limit |", "|---|---|---:|---:|", rows),
        )


_RESULTS = {
    "refused": "⛔ refused",
    "allowed": "⚠️ allowed",
    "passed": "✅ passed",
    "not checked": "❔ not checked",
}


def _guard(guard_result: GuardResult) -> str:
    said = guard_text(guard_result)
    return f"| {_RESULTS[said.result]} | `{guard_result.guard}` | {said.found} | {said.limit} |"


def foot(report: Report, context: CommentContext) -> Iterator[str]:
    """The last lines: links, commits, API, and the digest that an approval refers to."""
    plan, links = report.plan, context.links
    titles = (
        ("Report: search and filter", links.report),
        ("Plan file", links.plan),
        ("Run", links.run),
    )
    parts = [f"**[{title}]({url})**" for title, url in titles if url]
    if plan.revisions.head:
        parts.append(f"commit `{short_commit(plan.revisions.head)}`")
    if plan.revisions.base:
        parts.append(f"base `{short_commit(plan.revisions.base)}`")
    parts.append(f"API {cells.span(plan.base_url)}")
    if plan.meta.created:
        parts.append(f"read {cells.span(plan.meta.created)}")
    yield from (" · ".join(parts), "")
    # A plan with a conflict cannot be applied: its digest must not be offered for approval.
    if plan.applyable:
        yield (
            f"An apply of this plan, or one that expects `{plan.digest}`, "
            "writes exactly these changes."
        )
