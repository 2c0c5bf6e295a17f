"""Report -> markdown of a limited length: a comment on a pull request, or a step's summary.

A page that is too long is rendered again with less detail and never cut. Counts and refused guards
are always shown, above all folded parts; records that lose data are the last to be left out; the
page states the number of all items that it leaves out. Text from outside is only in code spans and
fenced blocks, where no host reads it as markup, a link or a mention.
"""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.errors import ReconcilerError
from reconciler.review.markdown import changes, header, sections
from reconciler.review.markdown.detail_levels import CommentContext, Level
from reconciler.review.report import Report

# GitHub accepts 65,536 UTF-16 units; a text never has more of them than bytes of UTF-8.
COMMENT_BYTES = 60_000

_ALL = 1_000_000_000
# A diff takes a few lines for each record: a plan of more records is read faster in groups.
_RECORDS_OF_A_DIFF = 50


# Most detail first. The first one is for small plans only; the last one shows counts and guards.
COMMENT_LEVELS = (
    Level("diff", _ALL, 0, _ALL, _ALL, _ALL),
    Level("", _ALL, 20, _ALL, _ALL, 50),
    Level("", _ALL, 5, _ALL, _ALL, 50),
    Level("", 30, 0, 30, _ALL, 20),
    Level("", 30, 0, 10, 200, 10),
    Level("", 10, 0, 5, 50, 5),
    # A key with its values takes up to 1.6 kB (see cells.py): ten rows of six keys may not fit.
    Level("", 5, 0, 0, 10, 3, 2),
    Level("", 2, 0, 0, 5, 1, 1),
    Level("", 0, 0, 0, 0, 0, 0),
)


# A summary has more room than a comment (900 KiB), so that a row for every record may fit.
SUMMARY_LEVELS = (
    Level("rows", _ALL, 0, _ALL, _ALL, _ALL),
    Level("", _ALL, 20, _ALL, _ALL, 1000),
    Level("", 1000, 0, 1000, 2000, 500),
    *COMMENT_LEVELS[3:],
)


def comment(report: Report, context: CommentContext, *, most: int = COMMENT_BYTES) -> str:
    """The comment on a pull request, at most `most` bytes of UTF-8.

    Raises ReconcilerError if not even the counts fit.
    """
    small = report.summary.changes <= _RECORDS_OF_A_DIFF
    return _fitted(report, context, COMMENT_LEVELS if small else COMMENT_LEVELS[1:], most)


def summary(report: Report, context: CommentContext, *, most: int) -> str:
    """The summary of a step: as `comment`, with a row for every record if they fit in `most` bytes.

    If other steps have filled the summary, it is one line, even if `most` is smaller than that.
    """
    small = report.summary.changes <= _RECORDS_OF_A_DIFF
    levels = (COMMENT_LEVELS[0], *SUMMARY_LEVELS) if small else SUMMARY_LEVELS
    try:
        return _fitted(report, context, levels, most)
    except ReconcilerError:
        return f"### user_data plan · {report.headline}; the rest does not fit here\n"


def _fitted(report: Report, context: CommentContext, levels: Sequence[Level], most: int) -> str:
    for level in levels:
        page = within(_page(report, context, level), most)
        if page is not None:
            return page
    raise ReconcilerError(f"the shortest text of this plan has more than {most:,} bytes")


def within(lines: Iterable[str], most: int) -> str | None:
    """The lines as one text, or None if it has more than `most` bytes; stops reading early then."""
    taken, size = [], 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > most:
            return None
        taken.append(line)
    return "\n".join([*taken, ""])


def _page(report: Report, context: CommentContext, level: Level) -> Iterator[str]:
    yield from header.warnings(report)
    yield from header.head(report, context)
    if level.every == "diff":
        yield from changes.diff(report)
    else:
        yield from changes.groups(report, context, level)
        yield from changes.removals(report, context, level)
        yield from changes.outliers(report, context, level)
        yield from changes.named(report, context, level)
        if level.every == "rows":
            yield from changes.every(report, context, level)
    yield from sections.conflicts(report, level)
    yield from sections.unreadable(report, level)
    yield from sections.released(report, level)
    yield from sections.shares("By owner (CODEOWNERS)", "owner", report.owners, context, level)
    if len(report.files) > 1:
        yield from sections.shares("By file", "file", report.files, context, level)
    yield from sections.keys(report, level)
    yield from sections.guards(report)
    yield from changes.left_out(report, level)
    yield from sections.foot(report, context)
