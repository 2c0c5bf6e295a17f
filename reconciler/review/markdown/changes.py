"""Report -> its changes in markdown: as a diff, in groups, by loss of data, and one by one."""

from collections.abc import Iterable, Iterator
from itertools import islice

from reconciler.escape.text import fenced
from reconciler.model import Change
from reconciler.review import value_text
from reconciler.review.grouping import Effect, Group
from reconciler.review.markdown import cells
from reconciler.review.markdown.detail_levels import CommentContext, Level
from reconciler.review.report import Report
from reconciler.values.diff import Difference
from reconciler.wording import plural

# Up to this number, the list of records that lose data is shown open.
_UNFOLDED = 50

_Member = tuple[Change, tuple[Difference, ...]]


def diff(report: Report) -> Iterator[str]:
    """Every record with its old and new values as a diff, records that lose data first."""
    # A page with a diff has no table of removals: in order of address, losses could be anywhere.
    lost = {change.address for change, _ in report.removals()}
    members = sorted(report.members, key=lambda member: member[0].address not in lost)
    if not members:
        return
    lines = []
    for change, found in members:
        lines.append(cells.heading(change))
        for difference in found:
            key, whole = value_text.key_name(difference.path), not difference.path
            if difference.op != "add":
                lines.append(f"- {key}: {value_text.value_text(difference.before, whole=whole)}")
            if difference.op != "remove":
                lines.append(f"+ {key}: {value_text.value_text(difference.after, whole=whole)}")
    title = f"<b>{plural(len(members), 'record')}</b>"
    yield from cells.folded(title, fenced(lines, "diff"), opened=True)


def groups(report: Report, context: CommentContext, level: Level) -> Iterator[str]:
    """A table with a row for each group of changes; outliers are not in it."""
    alike = report.similar_groups
    shown = alike[: level.groups]
    if not shown:
        return
    of_all = f"{len(shown):,} of " if len(shown) < len(alike) else ""
    yield from (f"**Changes that are alike** — {of_all}{plural(len(alike), 'group')}", "")
    yield from cells.table(
        "| group | records | change | origin | files | example |",
        "|---|---:|---|---|---:|---|",
        (_group(group, context, level) for group in shown),
    )


def named(report: Report, context: CommentContext, level: Level) -> Iterator[str]:
    """The first records of each group, without those that lose data: `removals` lists them."""
    for group in _named_groups(report, level):
        first = f"the first {level.named} of " if group.count > level.named else ""
        title = f"{group.name}: {first}{plural(group.count, 'record')}"
        yield from cells.folded(title, _named(group, context, level))


def _group(group: Group, context: CommentContext, level: Level) -> str:
    return (
        f"| {cells.linked(group.name, f'g={group.name}', context)} | {group.count:,} | "
        f"{cells.of_group(group, level.keys)} | {group.first.origin} | {group.files:,} | "
        f"{cells.record(group.first, context)} |"
    )


def _named_groups(report: Report, level: Level) -> list[Group]:
    shown = report.similar_groups[: level.groups] if level.named else ()
    return [group for group in shown if group.effect is not Effect.REMOVES]


def _named(group: Group, context: CommentContext, level: Level) -> Iterator[str]:
    for change, found in group.members[: level.named]:
        values = "" if group.exact else f" — {cells.of_places(found, level.keys)}"
        yield f"- {cells.record(change, context)} {cells.source(change.source)}{values}"


def removals(report: Report, context: CommentContext, level: Level) -> Iterator[str]:
    """A table of the records that lose data, of every group and outlier."""
    count = report.effects[Effect.REMOVES]
    shown = min(count, level.removals)
    if not shown:
        return
    some = "All " if count > 1 else ""
    some = f"{shown:,} of " if shown < count else some
    verb = "loses" if count == 1 else "lose"
    yield from cells.folded(
        f"➖ <b>{some}{plural(count, 'record')} that {verb} data</b>",
        _rows(
            islice(report.removals(), shown),
            context,
            level,
        ),
        opened=count <= _UNFOLDED,
    )


def outliers(report: Report, context: CommentContext, level: Level) -> Iterator[str]:
    """A table of the records like no others, without those that lose data (see `removals`)."""
    count = report.safe_outlier_count
    shown = min(count, level.outliers)
    if not shown:
        return
    some = f"{shown:,} of " if shown < count else ""
    members = (member for group in report.outliers for member in _unless_removed(group))
    yield from cells.folded(
        f"<b>{some}{plural(count, 'record')} like no others</b>",
        _rows(islice(members, shown), context, level),
        # Open: mistakes are most likely among changes that are like no others.
        opened=True,
    )


def _unless_removed(group: Group) -> Iterable[_Member]:
    return () if group.effect is Effect.REMOVES else group.members


def _rows(members: Iterable[_Member], context: CommentContext, level: Level) -> Iterator[str]:
    return cells.table(
        "| record | change | origin | where |",
        "|---|---|---|---|",
        (
            f"| {cells.record(change, context)} | {cells.of_places(found, level.keys)} | "
            f"{change.origin} | {cells.source(change.source)} |"
            for change, found in members
        ),
    )


def every(report: Report, context: CommentContext, level: Level) -> Iterator[str]:
    """A row for every record of the groups; values only where they differ within the group."""
    rows = (
        f"| {group.name} | {cells.record(change, context)} | {cells.source(change.source)} | "
        f"{'' if group.exact else cells.of_places(found, level.keys)} |"
        for group in report.similar_groups
        for change, found in group.members
    )
    if report.similar_groups:
        yield from cells.folded(
            "Every record of the groups",
            cells.table("| group | record | where | values |", "|---|---|---|---|", rows),
        )


def left_out(report: Report, level: Level) -> Iterator[str]:
    """The line that lists the numbers of all items that the page does not show."""
    if level.every:
        return
    parts = []
    groups = len(report.similar_groups) - level.groups
    if groups > 0:
        parts.append(plural(groups, "group"))
    named = sum(min(group.count, level.named) for group in _named_groups(report, level))
    rest = (
        sum(one.count for one in report.similar_groups if one.effect is not Effect.REMOVES) - named
    )
    if rest:
        parts.append(f"{plural(rest, 'record')} of the groups one by one")
    if report.safe_outlier_count > level.outliers:
        parts.append(
            f"{plural(report.safe_outlier_count - level.outliers, 'record')} like no others"
        )
    lost = report.effects[Effect.REMOVES] - level.removals
    if lost > 0:
        parts.append(f"**{plural(lost, 'record')} that lose data**")
    plan = report.plan
    lists = {
        "in conflict": plan.conflicts,
        "not read": plan.unreadable,
        "removed from git": plan.released,
        "of the owners": report.owners,
        "of the files": report.files if len(report.files) > 1 else (),
    }
    parts += [
        f"{len(found) - level.others:,} {what}"
        for what, found in lists.items()
        if len(found) > level.others
    ]
    if parts:
        yield f"Not shown here: {', '.join(parts)}. The plan file holds all of them."
        yield ""
