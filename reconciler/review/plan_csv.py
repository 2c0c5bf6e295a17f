"""A report -> CSV (RFC 4180), one row a difference, safe to open in a spreadsheet.

Values are JSON, so that a spreadsheet does not read a text as a number. A cell that it would read
as a formula is escaped (CWE-1236).
"""

import csv
import io
from collections.abc import Iterator

from reconciler.escape.text import cell, visible
from reconciler.model import Change
from reconciler.review import value_text
from reconciler.review.report import Report
from reconciler.values.diff import Difference

_HEAD = (
    "group",
    "address",
    "action",
    "origin",
    "file",
    "line",
    "operation",
    "path",
    "before",
    "after",
)


def rows(report: Report) -> Iterator[str]:
    """The lines with their line ends: a header, then group by group in order of address."""
    yield _line(_HEAD)
    for group in report.groups:
        for change, found in group.members:
            for difference in found:
                yield _line(_cells(group.name, change, difference))


def _cells(group: str, change: Change, difference: Difference) -> tuple[str, ...]:
    whole = not difference.path
    return (
        group,
        str(change.address),
        change.action,
        change.origin,
        visible(change.source.file),
        str(change.source.line),
        difference.op,
        visible(difference.pointer),
        "" if difference.op == "add" else value_text.value_text(difference.before, whole=whole),
        "" if difference.op == "remove" else value_text.value_text(difference.after, whole=whole),
    )


def _line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    # Every cell: names of files and keys can be formulas too. The default dialect ends a row
    # with CRLF (RFC 4180, section 2).
    csv.writer(line).writerow(map(cell, cells))
    return line.getvalue()
