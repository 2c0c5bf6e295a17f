"""Report -> the lists that the HTML page shows without JavaScript."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from reconciler.escape.text import short_digest
from reconciler.model import Change
from reconciler.review import value_text
from reconciler.review.grouping import Effect, Group, key_changes
from reconciler.review.report import Report
from reconciler.review.text.change_text import where
from reconciler.review.value_text import MARKS
from reconciler.values.diff import Difference
from reconciler.wording import plural

# Longer lists and cells are shortened, and the page states how much is missing.
_MAX_ROWS = 1000
_MAX_GROUPS = 200
_MAX_CELL_CHARS = 2000


def static_lists(report: Report) -> dict[str, Any]:
    """The variables `groups`, `groups_rest` and `lists` of the template.

    `lists` are the records that lose data (`removals`) and those like no others (`outliers`), each
    only if it has rows.
    """
    alike = report.similar_groups
    removes = report.effects[Effect.REMOVES]
    lose = "loses" if removes == 1 else "lose"
    unlike = (
        member
        for group in report.outliers
        # The list of removals has the outliers that lose data; here they would appear twice.
        if group.effect is not Effect.REMOVES
        for member in group.members
    )
    lists = (
        _list(
            "removals",
            f"{plural(removes, 'record')} that {lose} data",
            report.removals(),
            removes,
        ),
        _list(
            "outliers",
            f"{plural(report.safe_outlier_count, 'record')} like no others",
            unlike,
            report.safe_outlier_count,
        ),
    )
    return {
        "groups": [_group(group) for group in alike[:_MAX_GROUPS]],
        "groups_rest": f"{len(alike) - _MAX_GROUPS:,}" if len(alike) > _MAX_GROUPS else "",
        "lists": [one for one in lists if one["rows"]],
    }


def _group(group: Group) -> dict[str, Any]:
    """A row of the table of groups; a key with different values shows how many there are."""
    lines = [
        _line(one.difference)
        if one.values == 1
        else {
            **_line(one.difference),
            # The index of the example is wrong for other records, which differ at other items.
            "key": value_text.key_name(one.path, any_item=True),
            "words": f"{one.values:,} different values",
        }
        for one in key_changes(group)
    ]
    first = group.first
    return {
        "name": group.name,
        "count": f"{group.count:,}",
        "effect": str(group.effect),
        "lines": lines,
        "origin": str(first.origin),
        "example": str(first.address),
        "where": where(first.source),
    }


def _list(
    name: str, title: str, members: Iterable[tuple[Change, tuple[Difference, ...]]], count: int
) -> dict[str, Any]:
    rows = [
        {
            "sid": change.address.sid,
            "address": str(change.address),
            "lines": [_line(difference) for difference in found],
            "origin": str(change.origin),
            "where": where(change.source),
        }
        for change, found in islice(members, _MAX_ROWS)
    ]
    rest = f"{count - len(rows):,}" if count > len(rows) else ""
    return {"id": name, "title": title, "rows": rows, "rest": rest}


def _line(difference: Difference) -> dict[str, Any]:
    """A difference: its sign, its key, and its values; None for a value that it does not have."""
    whole = not difference.path
    old = (
        None
        if difference.op == "add"
        else shorten_cell(value_text.value_text(difference.before, whole=whole))
    )
    new = (
        None
        if difference.op == "remove"
        else shorten_cell(value_text.value_text(difference.after, whole=whole))
    )
    return {
        "op": difference.op,
        "sign": MARKS[difference.op],
        "key": value_text.key_name(difference.path),
        "old": old,
        "new": new,
        "words": "",
    }


def shorten_cell(shown: str) -> str:
    """A value for a table cell; a long one is cut and followed by its length and its hash."""
    if len(shown) <= _MAX_CELL_CHARS:
        return shown
    mark = short_digest(shown)
    return f"{shown[:_MAX_CELL_CHARS]}… ({len(shown):,} characters, {mark})"
