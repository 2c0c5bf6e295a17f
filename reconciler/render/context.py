"""Report -> what the template of the HTML page says: every text as it may be shown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from reconciler import policies
from reconciler.diff import Place
from reconciler.escape import visible
from reconciler.grouping import Effect, Group, differences
from reconciler.model import Change, Conflict, Plan, Source, Verdict, short
from reconciler.render import places, records
from reconciler.render.places import MARKS
from reconciler.report import Report
from reconciler.value import steps_of

# What is listed without JavaScript, or beside the search; counts say what is left.
_MOST_ROWS = 1000
_MOST_GROUPS = 200
_MOST_PANEL_ROWS = 2000
_MOST_CELL_CHARS = 2000

_WORDS = {Effect.REMOVES: "lose something", Effect.CHANGES: "change", Effect.ADDS: "only gain"}


def context(report: Report) -> Mapping[str, Any]:
    """The variables of the template, but for the data of the search."""
    return {**_head(report), **_beside(report), **_static(report)}


def _head(report: Report) -> dict[str, Any]:
    plan, counts = report.plan, report.summary
    host = visible(plan.base_url.partition("://")[2].partition("/")[0])
    headline = "No changes"
    if counts.changes:
        verb = "changes" if counts.changes == 1 else "change"
        of_all = f"{counts.changes:,} of {_records(report.scope_records)}"
        headline = f"{of_all} {verb} ({report.per_cent:g} %)"
    elif plan.differs:
        headline = f"{counts.conflicts:,} in conflict"
    elif not plan.complete:
        headline = "No changes, as far as records could be read"
    effects = [(effect, report.effects[effect]) for effect in Effect if report.effects[effect]]
    told = ", ".join(f"{number:,} {_WORDS[effect]}" for effect, number in effects)
    numbers = [(str(effect), number, _WORDS[effect]) for effect, number in effects]
    numbers += [
        (name, number, words)
        for name, number, words in (
            ("conflicts", counts.conflicts, "in conflict"),
            ("unreadable", counts.unreadable, "could not be read"),
            ("left", counts.left, "left alone"),
            ("same", counts.in_sync, "unchanged"),
        )
        if number
    ]
    return {
        "title": f"user_data plan: {headline}",
        "headline": headline,
        "host": host,
        "summary": counts,
        "share": list(_share(effects, report.scope_records)),
        "share_label": f"Of {_records(report.scope_records)}: {told}",
        "counts": [
            {"name": name, "number": f"{number:,}", "words": words}
            for name, number, words in numbers
        ],
        "facts": [
            {"name": name, "value": visible(value)} for name, value in _facts(report) if value
        ],
        "warnings": list(_warnings(report)),
    }


def _share(effects: Iterable[tuple[Effect, int]], records: int) -> Iterator[dict[str, Any]]:
    """The parts of the bar, in thousandths of all records; what is there is seen."""
    x = 0.0
    for effect, number in effects:
        width = max(4.0, round(1000 * number / max(records, 1), 1))
        yield {"name": str(effect), "x": x, "width": width}
        x += width


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    plan, scope = report.plan, report.plan.scope
    if plan.revisions.base is not None:
        origins = {name: count for name, count in report.summary.origins.items() if count}
        yield "origin", ", ".join(f"{count:,} {name}" for name, count in origins.items())
        yield "base", f"{short(plan.revisions.base)} ({plan.revisions.base_is})"
    yield "commit", short(plan.revisions.head or "")
    if scope.since is not None:
        yield (
            "checked",
            f"{plan.managed:,} of {scope.records:,} (changed since {short(scope.since)})",
        )
    for name in ("manifests", "target", "exclude", "only"):
        yield name, " ".join(getattr(scope, name))
    yield "API", plan.base_url
    yield "read", plan.meta.created


def _warnings(report: Report) -> Iterator[str]:
    counts = report.summary
    if counts.unreadable:
        yield f"{_records(counts.unreadable)} could not be read: this plan is not complete."
    if counts.conflicts:
        yield f"{counts.conflicts:,} in conflict with somebody else: nothing can be applied."
    if report.refused:
        names = ", ".join(verdict.guard for verdict in report.refused)
        yield f"An apply of this plan is refused by {names}."
    if report.plan.scope.since is not None:
        yield "Only records that changed in git were read: drift elsewhere was not looked for."


def _beside(report: Report) -> dict[str, Any]:
    """Guards, and panels of what is no change."""
    plan, refused = report.plan, len(report.refused)
    passed = f"{len(plan.guards) - refused:,} passed"
    return {
        "guards": [_guard(verdict) for verdict in plan.guards],
        "guards_told": f"{refused:,} refused, {passed}" if refused else passed,
        "refused": refused,
        "panels": [panel for panel in _panels(report) if panel["rows"]],
    }


def _guard(verdict: Verdict) -> dict[str, str]:
    unit = " %" if policies.GUARDS[verdict.guard].per_cent else ""
    allowed = verdict.allowed is not None
    raised = f", allowed this once up to {verdict.allowed:,}{unit}" if allowed else ""
    return {
        "result": "refused" if not verdict.ok else "allowed" if allowed else "passed",
        "name": verdict.guard,
        "value": f"{verdict.value:,}{unit}",
        "limit": f"{verdict.limit:,}{unit}{raised}",
        "way_out": "" if verdict.ok else policies.way_out(verdict),
    }


def _panels(report: Report) -> Iterator[dict[str, Any]]:
    plan = report.plan
    yield _panel(
        "conflicts",
        f"{len(plan.conflicts):,} in conflict",
        ("record", "both changed", "base", "git", "live", "where"),
        [row for conflict in plan.conflicts for row in _conflict(conflict, plan)],
        opened=True,
    )
    yield _panel(
        "unreadable",
        f"{_records(len(plan.unreadable))} could not be read",
        ("record", "why", "where"),
        [
            (
                str(one.address),
                visible(f"{one.status or ''} {one.reason}".strip()),
                _where(one.source),
            )
            for one in plan.unreadable
        ],
        opened=True,
    )
    yield _panel(
        "released",
        f"{_records(len(plan.released))} left git, and stay as they are",
        ("record", "where"),
        [(str(one.address), _where(one.source)) for one in plan.released],
        opened=False,
    )


def _conflict(conflict: Conflict, plan: Plan) -> Iterator[tuple[str, ...]]:
    for place in conflict.places:
        values = (_cut(shown) for _, shown in records.sides(conflict, place, plan))
        name = places.name(steps_of(place))
        yield str(conflict.address), name, *values, _where(conflict.source)


def _cut(shown: str) -> str:
    """A value as far as a cell of a table should be long, and how long it is."""
    if len(shown) <= _MOST_CELL_CHARS:
        return shown
    return f"{shown[:_MOST_CELL_CHARS]}… ({len(shown):,} characters)"


def _panel(
    name: str, title: str, heads: Sequence[str], rows: Sequence[tuple[str, ...]], *, opened: bool
) -> dict[str, Any]:
    rest = len(rows) - _MOST_PANEL_ROWS
    return {
        "id": name,
        "title": title,
        "heads": heads,
        "rows": rows[:_MOST_PANEL_ROWS],
        "rest": f"{rest:,}" if rest > 0 else "",
        "open": opened,
    }


def _static(report: Report) -> dict[str, Any]:
    """What there is without JavaScript: groups, what is lost, and what is like nothing else."""
    alike = report.alike
    removes = report.effects[Effect.REMOVES]
    lost = ((one.change, one.places) for one in islice(report.removals(), _MOST_ROWS))
    unlike = (
        member
        for group in report.outliers
        if group.effect is not Effect.REMOVES
        for member in group.members
    )
    lists = (
        _list("removals", f"{_records(removes)} that lose something", lost, removes),
        _list("outliers", f"{_records(report.unlike)} like no others", unlike, report.unlike),
    )
    return {
        "groups": [_group(group) for group in alike[:_MOST_GROUPS]],
        "groups_rest": f"{len(alike) - _MOST_GROUPS:,}" if len(alike) > _MOST_GROUPS else "",
        "lists": [one for one in lists if one["rows"]],
    }


def _group(group: Group) -> dict[str, Any]:
    lines = [
        _line(one.place)
        if one.values == 1
        else {
            **_line(one.place),
            "key": places.name(one.steps, any_item=True),
            "words": f"{one.values:,} different values",
        }
        for one in differences(group)
    ]
    first = group.first
    return {
        "name": group.name,
        "count": f"{group.count:,}",
        "effect": str(group.effect),
        "lines": lines,
        "origin": str(first.origin),
        "example": str(first.address),
        "where": _where(first.source),
    }


def _list(
    name: str, title: str, members: Iterable[tuple[Change, tuple[Place, ...]]], count: int
) -> dict[str, Any]:
    rows = [
        {
            "sid": change.address.sid,
            "address": str(change.address),
            "lines": [_line(place) for place in found],
            "origin": str(change.origin),
            "where": _where(change.source),
        }
        for change, found in islice(members, _MOST_ROWS)
    ]
    rest = f"{count - len(rows):,}" if count > len(rows) else ""
    return {"id": name, "title": title, "rows": rows, "rest": rest}


def _line(place: Place) -> dict[str, Any]:
    whole = not place.steps
    old = None if place.op == "add" else _cut(places.shown(place.before, whole=whole))
    new = None if place.op == "remove" else _cut(places.shown(place.after, whole=whole))
    return {
        "op": place.op,
        "sign": MARKS[place.op],
        "key": places.name(place.steps),
        "old": old,
        "new": new,
        "words": "",
    }


def _where(source: Source) -> str:
    return f"{visible(source.file)}:{source.line}"


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
