"""Report -> the variables of the HTML template; every text is escaped and masked for display."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.escape.text import visible
from reconciler.model import Conflict, GuardResult, Plan, short_commit
from reconciler.planning.guards.registry import allow_flag, count_passed
from reconciler.review import headlines, value_text
from reconciler.review.guard_text import guard_text
from reconciler.review.html.static_lists import shorten_cell, static_lists
from reconciler.review.report import Report
from reconciler.review.text import change_text
from reconciler.review.text.change_text import where
from reconciler.values.json_pointer import from_pointer
from reconciler.wording import plural

# A longer panel is cut; its title has the full count, and its last line the rest.
_MAX_PANEL_ROWS = 2000


def template_context(report: Report) -> Mapping[str, Any]:
    """The variables of the template except style, script and search data, which html_page adds."""
    return {**_head(report), **_beside(report), **static_lists(report)}


def _head(report: Report) -> dict[str, Any]:
    """Headline, counts, facts and warnings."""
    plan, counts = report.plan, report.summary
    host = visible(plan.base_url.partition("://")[2].partition("/")[0])
    headline = f"{report.headline[0].upper()}{report.headline[1:]}"
    effects = headlines.effects(report)
    numbers = [(str(effect), number, words) for effect, number, words in effects]
    numbers += [
        (name, number, words)
        for name, number, words in (
            ("conflicts", counts.conflicts, "in conflict"),
            ("unreadable", counts.unreadable, "could not be read"),
            ("left", counts.left_alone, "left alone"),
            ("same", counts.in_sync, "unchanged"),
        )
        if number
    ]
    return {
        "title": f"user_data plan: {headline}",
        "headline": headline,
        "host": host,
        "summary": counts,
        "share": list(_share(report)),
        "share_label": (
            f"Of {plural(report.scope_records, 'record')}: {headlines.effects_sentence(report)}"
        ),
        "counts": [
            {"name": name, "number": f"{number:,}", "words": words}
            for name, number, words in numbers
        ],
        "facts": [
            {"name": name, "value": visible(value)} for name, value in _facts(report) if value
        ],
        "warnings": list(headlines.blockers(report)),
        # Links lead to conflicts and unreadable records too, also in a plan without changes.
        "searched": bool(counts.changes or counts.conflicts or counts.unreadable),
    }


def _share(report: Report) -> Iterator[dict[str, Any]]:
    """The parts of the bar, one for each effect, in thousandths of all records.

    A part is at least 4 wide, so that one record in a hundred thousand is still visible.
    """
    x = 0.0
    for effect, number, _ in headlines.effects(report):
        width = max(4.0, round(1000 * number / max(report.scope_records, 1), 1))
        yield {"name": str(effect), "x": x, "width": width}
        x += width


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """Name and value of each line on the plan's input; a line with an empty value is not shown."""
    plan, scope = report.plan, report.plan.scope
    if plan.revisions.base is not None:
        origins = {name: count for name, count in report.summary.origins.items() if count}
        yield "origin", ", ".join(f"{count:,} {name}" for name, count in origins.items())
        yield "base", f"{short_commit(plan.revisions.base)} ({plan.revisions.base_is})"
    elif plan.revisions.base_is is not None:
        yield "base", f"none: {plan.revisions.base_is}"
    yield "environment", plan.environment or ""
    yield "commit", short_commit(plan.revisions.head or "")
    if scope.since is not None:
        since = f"changed since {short_commit(scope.since)}; drift in the others was not checked"
        yield "checked", f"{plan.managed:,} of {scope.records:,} ({since})"
    for name in ("manifests", "target", "exclude", "only"):
        yield name, " ".join(getattr(scope, name))
    yield "API", plan.base_url
    yield "read", plan.meta.created


def _beside(report: Report) -> dict[str, Any]:
    """Guards, and panels of the records that do not change."""
    plan, refused = report.plan, len(report.refused)
    passed = count_passed(plan.guards)
    return {
        "guards": [_guard(guard_result) for guard_result in plan.guards],
        "guards_summary": f"{refused:,} refused, {passed}" if refused else passed,
        "refused": refused,
        "panels": [panel for panel in _panels(report) if panel["rows"]],
    }


def _guard(guard_result: GuardResult) -> dict[str, str]:
    said = guard_text(guard_result)
    return {
        "result": said.result,
        "name": guard_result.guard,
        "value": said.found,
        "limit": said.limit,
        "way_out": "" if guard_result.ok else allow_flag(guard_result),
    }


def _panels(report: Report) -> Iterator[dict[str, Any]]:
    """Conflicts, unreadable records and released records; a panel may have no rows."""
    plan = report.plan
    released = plural(len(plan.released), "record")
    was_released = (
        "was removed from git; its live value is kept"
        if len(plan.released) == 1
        else "were removed from git; their live values are kept"
    )
    yield _panel(
        "conflicts",
        f"{len(plan.conflicts):,} in conflict",
        ("record", "both changed", "base", "git", "live", "where"),
        [row for conflict in plan.conflicts for row in _conflict(conflict, plan)],
        opened=True,
    )
    yield _panel(
        "unreadable",
        f"{plural(len(plan.unreadable), 'record')} could not be read",
        ("record", "why", "where"),
        [
            (
                str(one.address),
                visible(f"{one.status or ''} {one.reason}".strip()),
                where(one.source),
            )
            for one in plan.unreadable
        ],
        opened=True,
    )
    yield _panel(
        "released",
        f"{released} {was_released}",
        ("record", "where"),
        [(str(one.address), where(one.source)) for one in plan.released],
        # No apply writes these records: they need no decision.
        opened=False,
    )


def _conflict(conflict: Conflict, plan: Plan) -> Iterator[tuple[str, ...]]:
    """A row for each path in conflict: record, path, value at the base, in git and live, source."""
    at = change_text.sides(conflict, plan)
    for path in conflict.paths:
        values = (shorten_cell(shown) for _, shown in at(path))
        name = value_text.key_name(from_pointer(path))
        yield str(conflict.address), name, *values, where(conflict.source)


_ADVICE = {"conflicts": headlines.RESOLVE}


def _panel(
    name: str,
    title: str,
    heads: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    *,
    opened: bool,
) -> dict[str, Any]:
    rest = len(rows) - _MAX_PANEL_ROWS
    return {
        "id": name,
        "title": title,
        "heads": heads,
        "rows": rows[:_MAX_PANEL_ROWS],
        "rest": f"{rest:,}" if rest > 0 else "",
        "open": opened,
        "advice": _ADVICE.get(name, ""),
    }
