"""A plan -> any of its formats, by name; each is imported where it is asked for."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from reconciler.model import Plan
from reconciler.planning import plan_file
from reconciler.review import codeowners, plan_text
from reconciler.review.codeowners import Owners
from reconciler.review.colours import Paint
from reconciler.review.plan_text import Detail
from reconciler.review.report import Report, make_report

_PLAIN = Paint(on=False)

# Characters a line of a report that no terminal has shown.
REPORT_WIDTH = 100

# A step's summary of more than 1 MiB is lost whole; others may want to add to it.
SUMMARY_BYTES = 900 * 1024


class View(Struct, dict=True):
    """A plan and how it is shown; what formats have in common is worked out once."""

    plan: Plan
    """The plan to show."""
    root: Path
    """The project's root, in whose repository CODEOWNERS is looked for."""
    paint: Paint = _PLAIN
    """Colours for `text`."""
    width: int = REPORT_WIDTH
    """Columns for `text`."""
    detail: Detail = "verbose"
    """How much of each change `text` shows."""
    summary_bytes: int = SUMMARY_BYTES
    """The most bytes that `github` may take."""

    @cached_property
    def owners(self) -> Owners:
        """The owners that the repository here names."""
        return codeowners.read(self.root)

    @cached_property
    def report(self) -> Report:
        """Counts and groups."""
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

    return plan_junit.document(view.report)


def _csv(view: View) -> Iterable[str]:
    from reconciler.review import plan_csv

    return plan_csv.rows(view.report)


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
