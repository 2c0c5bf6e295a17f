"""Problems -> annotations of a pull request; a report -> outputs of a step in GitHub Actions.

GitHub shows ten annotations of each severity a step and silently drops the rest. So the last line
states how many are not shown. The summary of a step is made by `markdown.comment.summary`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.escape.text import brief, visible
from reconciler.model import Outcome, OutcomeName, Plan, Problem, Severity
from reconciler.planning.summary import tally
from reconciler.review.report import Report

MAX_A_SEVERITY = 10
MAX_MESSAGE_CHARS = 300


def annotations(problems: Sequence[Problem]) -> Iterator[str]:
    """Workflow commands without newlines: errors, then warnings, then how many are left out."""
    left = 0
    for severity in (Severity.ERROR, Severity.WARNING):
        of_it = [problem for problem in problems if problem.severity is severity]
        yield from map(_annotation, of_it[:MAX_A_SEVERITY])
        left += len(of_it[MAX_A_SEVERITY:])
    if left:
        yield f"::notice title=reconciler::{left:,} more problems are in the log"


def outputs(report: Report) -> str:
    """Lines `name=value` for $GITHUB_OUTPUT.

    No value has a line break, so none needs a delimiter.
    """
    plan, counts = report.plan, report.summary
    values = {
        "changes": counts.changes,
        "drift": counts.origins["drift"],
        "sets": counts.set,
        "clears": counts.clear,
        "conflicts": counts.conflicts,
        "unreadable": counts.unreadable,
        "complete": str(plan.complete).lower(),
        "refused": str(bool(report.refused)).lower(),
        "digest": plan.digest,
    }
    return _listed(values)


def ended(plan: Plan | None, outcomes: Iterable[Outcome]) -> str:
    """The outputs of an apply: `changes` is the number of records that were written."""
    counts = tally(outcomes)
    return _listed(
        {
            "changes": counts.get(OutcomeName.APPLIED, 0),
            "digest": "" if plan is None else plan.digest,
        }
    )


def _listed(values: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _annotation(problem: Problem) -> str:
    source = problem.source
    properties = {
        "file": visible(source.file),
        "line": str(source.line),
        "col": str(source.column),
        "title": f"reconciler: {problem.rule}",
    }
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    # The message is cut before `%` is escaped: a cut inside `%25` would change the text.
    return f"::{problem.severity} {listed}::{_data(brief(problem.message, MAX_MESSAGE_CHARS))}"


def _data(text: str) -> str:
    """Escaped as actions/toolkit does in `command.ts`; `brief` has escaped line breaks already."""
    return text.replace("%", "%25")


def _property(text: str) -> str:
    # `%` first: otherwise the `%` of `%3A` would be escaped again.
    return _data(text).replace(":", "%3A").replace(",", "%2C")
