"""A plan -> the text of one of its formats, chosen by name.

A format is imported when it is used: start-up time counts, and most runs use one format.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from reconciler.git import path_from_top
from reconciler.model import Plan
from reconciler.planning import plan_file
from reconciler.review import codeowners
from reconciler.review.codeowners import Owners
from reconciler.review.colours import Paint
from reconciler.review.report import Report, make_report
from reconciler.review.text import plan_text
from reconciler.review.text.plan_text import Detail

_PLAIN = Paint(on=False)

# Columns of a report that is written to a file.
REPORT_WIDTH = 100

# GitHub drops the whole summary of a step if it is larger than 1 MiB. The rest is left for other
# programs of the same step.
SUMMARY_BYTES = 900 * 1024


# `dict=True`: cached_property needs a `__dict__`, which a msgspec Struct does not have.
class View(Struct, dict=True):
    """A plan and how to show it; owners and report are made once for all formats."""

    plan: Plan
    """The plan to show."""
    root: Path
    """The project's root folder; the CODEOWNERS file of its repository is read."""
    paint: Paint = _PLAIN
    """Colours for `text`."""
    width: int = REPORT_WIDTH
    """Columns for `text`."""
    detail: Detail = "verbose"
    """How much `text` shows of each change."""
    summary_bytes: int = SUMMARY_BYTES
    """The most bytes that `github` may take."""

    @cached_property
    def owners(self) -> Owners:
        """The owners in CODEOWNERS of the repository."""
        return codeowners.read(self.root)

    @cached_property
    def report(self) -> Report:
        """The counts and groups that every format shows."""
        return make_report(self.plan, self.owners)


def _text(view: View) -> Iterable[str]:
    lines = plan_text.plan(view.report, view.paint, view.width, detail=view.detail)
    return (f"{line}\n" for line in lines)


def _json(view: View) -> Iterable[str]:
    return plan_file.write(view.plan, redacted=True)


def _jsonl(view: View) -> Iterable[str]:
    from reconciler.review import plan_jsonl

    return plan_jsonl.lines(view.plan)


def _markdown(view: View) -> Iterable[str]:
    from reconciler.review.markdown import comment
    from reconciler.review.markdown.detail_levels import CommentContext

    return [comment.comment(view.report, CommentContext())]


def _github(view: View) -> Iterable[str]:
    from reconciler.review.markdown import comment
    from reconciler.review.markdown.detail_levels import CommentContext

    return [comment.summary(view.report, CommentContext(), most=view.summary_bytes)]


def _html(view: View) -> Iterable[str]:
    from reconciler.review.html.page import html_page

    return html_page(view.report, view.owners)


def _gitlab(view: View) -> Iterable[str]:
    from reconciler.review import gitlab_widget

    return [gitlab_widget.widget(view.report)]


def _junit(view: View) -> Iterable[str]:
    from reconciler.review import plan_junit

    return plan_junit.document(view.report, path_from_top(view.root))


def _csv(view: View) -> Iterable[str]:
    from reconciler.review import plan_csv

    return plan_csv.rows(view.report)


# The names are those of `--format` and `--report`; each function returns texts to write in order.
FORMATS: Mapping[str, Callable[[View], Iterable[str]]] = MappingProxyType(
    {
        "text": _text,
        "json": _json,
        "jsonl": _jsonl,
        "markdown": _markdown,
        "html": _html,
        "github": _github,
        "gitlab": _gitlab,
        "junit": _junit,
        "csv": _csv,
    }
)
