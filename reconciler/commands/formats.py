"""A plan -> any of its formats, by name; each is imported where it is asked for."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from reconciler import owners
from reconciler.commands import REPORT_WIDTH, lines
from reconciler.model import Plan
from reconciler.owners import Owners
from reconciler.planning import plan_file
from reconciler.render import text
from reconciler.render.paint import Paint
from reconciler.render.text import Detail
from reconciler.report import Report, gather

_PLAIN = Paint(on=False)

# A step's summary of more than 1 MiB is lost whole; others may want to add to it.
SUMMARY_BYTES = 900 * 1024


class View:
    """A plan and how it is shown; what formats have in common is worked out once."""

    def __init__(
        self,
        plan: Plan,
        paint: Paint = _PLAIN,
        width: int = REPORT_WIDTH,
        detail: Detail = "verbose",
        summary_bytes: int = SUMMARY_BYTES,
    ) -> None:
        self.plan = plan
        self.paint = paint
        self.width = width
        self.detail = detail
        self.summary_bytes = summary_bytes

    @cached_property
    def owners(self) -> Owners:
        """The owners that the repository here names."""
        return owners.read(Path())

    @cached_property
    def report(self) -> Report:
        """Counts and groups."""
        return gather(self.plan, self.owners)


def _text(view: View) -> Iterable[str]:
    return lines(text.plan(view.report, view.paint, view.width, detail=view.detail))


def _json(view: View) -> Iterable[str]:
    return plan_file.write(view.plan, redacted=True)


def _jsonl(view: View) -> Iterable[str]:
    from reconciler.render import jsonl

    return jsonl.lines(view.plan)


def _markdown(view: View) -> Iterable[str]:
    from reconciler.render import markdown
    from reconciler.render.markdown.setting import Around

    return [markdown.comment(view.report, Around())]


def _github(view: View) -> Iterable[str]:
    from reconciler.render import markdown
    from reconciler.render.markdown.setting import Around

    return [markdown.summary(view.report, Around(), most=view.summary_bytes)]


def _html(view: View) -> Iterable[str]:
    from reconciler.render import html

    return html.page(view.report, view.owners)


def _gitlab(view: View) -> Iterable[str]:
    from reconciler.render import gitlab

    return [gitlab.widget(view.report)]


def _junit(view: View) -> Iterable[str]:
    from reconciler.render import junit

    return junit.document(view.report)


def _csv(view: View) -> Iterable[str]:
    from reconciler.render import csv

    return csv.rows(view.report)


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
