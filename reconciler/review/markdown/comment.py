"""Report -> markdown that always fits: a pull-request comment, or a step's summary.

It is rendered again with less until it fits, and never cut. Counts and guards stand above all that
is folded; what removes something is the last to go; what is left out is said. Text of strangers is
in code spans and fences alone, so that no host takes it for anything else.
"""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.errors import ReconcilerError
from reconciler.review.markdown import changes, header, sections
from reconciler.review.markdown.detail_levels import CommentContext, Level
from reconciler.review.report import Report

# GitHub takes 65,536 UTF-16 units; of anything else UTF-8 has as many bytes or more.
COMMENT_BYTES = 60_000

_ALL = 1_000_000_000
# As a diff each record takes a few lines: more of them are read quicker in groups.
_RECORDS_OF_A_DIFF = 50


COMMENT_LEVELS = (
    Level("diff", _ALL, 0, _ALL, _ALL, _ALL),
    Level("", _ALL, 20, _ALL, _ALL, 50),
    Level("", _ALL, 5, _ALL, _ALL, 50),
    Level("", 30, 0, 30, _ALL, 20),
    Level("", 30, 0, 10, 200, 10),
    Level("", 10, 0, 5, 50, 5),
    Level("", 5, 0, 0, 10, 3, 2),
    Level("", 2, 0, 0, 5, 1, 1),
    Level("", 0, 0, 0, 0, 0, 0),
)


SUMMARY_LEVELS = (
    Level("rows", _ALL, 0, _ALL, _ALL, _ALL),
    Level("", _ALL, 20, _ALL, _ALL, 1000),
    Level("", 1000, 0, 1000, 2000, 500),
    *COMMENT_LEVELS[3:],
)


def comment(report: Report, around: CommentContext, *, most: int = COMMENT_BYTES) -> str:
    """The comment on a pull request, of at most so many bytes."""
    small = report.summary.changes <= _RECORDS_OF_A_DIFF
    return _fitted(report, around, COMMENT_LEVELS if small else COMMENT_LEVELS[1:], most)


def summary(report: Report, around: CommentContext, *, most: int) -> str:
    """The summary of a step: the same, with a row for every record where they fit.

    Where others have filled the summary it is a line, so that it is at least not missed.
    """
    small = report.summary.changes <= _RECORDS_OF_A_DIFF
    levels = (COMMENT_LEVELS[0], *SUMMARY_LEVELS) if small else SUMMARY_LEVELS
    try:
        return _fitted(report, around, levels, most)
    except ReconcilerError:
        return f"### user_data plan · {report.headline}; there is no room for more here\n"


def _fitted(report: Report, around: CommentContext, levels: Sequence[Level], most: int) -> str:
    for level in levels:
        page = within(_page(report, around, level), most)
        if page is not None:
            return page
    raise ReconcilerError(f"the shortest text of this plan has more than {most:,} bytes")


def within(lines: Iterable[str], most: int) -> str | None:
    """The text of the lines, None as soon as it is too long."""
    taken, size = [], 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > most:
            return None
        taken.append(line)
    return "\n".join([*taken, ""])


def _page(report: Report, around: CommentContext, level: Level) -> Iterator[str]:
    yield from header.warnings(report)
    yield from header.head(report, around)
    if level.every == "diff":
        yield from changes.diff(report)
    else:
        yield from changes.groups(report, around, level)
        yield from changes.removals(report, around, level)
        yield from changes.outliers(report, around, level)
        yield from changes.named(report, around, level)
        if level.every == "rows":
            yield from changes.every(report, around, level)
    yield from sections.conflicts(report, level)
    yield from sections.unreadable(report, level)
    yield from sections.released(report, level)
    yield from sections.shares("By owner (CODEOWNERS)", "owner", report.owners, around, level)
    if len(report.files) > 1:
        yield from sections.shares("By file", "file", report.files, around, level)
    yield from sections.keys(report, level)
    yield from sections.guards(report)
    yield from changes.left_out(report, level)
    yield from sections.foot(report, around)
