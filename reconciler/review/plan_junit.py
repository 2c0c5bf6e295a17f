"""A report -> JUnit XML, so that CI systems list the records that are not in sync as tests.

A change, a conflict and a guard that refuses are failures; a record that could not be read is an
error. All records in sync are one test that passes and has their number in its name.
"""

import posixpath
from collections.abc import Iterator

from msgspec import structs

from reconciler.escape.text import visible, xml
from reconciler.kinds import MANAGED_FIELD
from reconciler.model import Address, GuardResult, Source
from reconciler.planning.guards.registry import allow_flag
from reconciler.review import value_text
from reconciler.review.colours import Paint
from reconciler.review.guard_text import guard_text
from reconciler.review.report import Report
from reconciler.review.text.change_text import why

_WIDTH = 120


def document(report: Report, folder: str = "") -> Iterator[str]:
    """The lines of the XML document with their newlines.

    `folder` is the project's path from the top of its repository, where CI systems look for files.
    """
    plan = report.plan
    failures = len(plan.changes) + len(plan.conflicts) + len(report.refused)
    errors = len(plan.unreadable)
    tests = 1 + len(plan.changes) + len(plan.conflicts) + len(plan.guards) + errors
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    counted = f'tests="{tests}" failures="{failures}" errors="{errors}"'
    yield f"<testsuites {counted}>\n"
    yield f'<testsuite name="reconciler plan" {counted} skipped="0">\n'
    in_sync = f"in sync: {plan.in_sync:,}"
    yield f'<testcase classname="reconciler" name="{in_sync}"/>\n'
    for group in report.groups:
        for change, found in group.members:
            # No colours: XML 1.0 forbids the escape character, even as a reference (section 2.2).
            body = "\n".join(value_text.difference_lines(found, Paint(on=False), _WIDTH))
            yield _case(
                change.address, _from_top(change.source, folder), "failure", why(change), body
            )
    for conflict in plan.conflicts:
        # The JSON Pointer of the whole field is the empty text (RFC 6901): it would be invisible.
        both = visible(", ".join(path or MANAGED_FIELD for path in conflict.paths))
        yield _case(
            conflict.address,
            _from_top(conflict.source, folder),
            "failure",
            "conflict",
            f"changed in git and live: {both}",
        )
    for lost in plan.unreadable:
        reason = visible(f"{lost.status or ''} {lost.reason}".strip())
        yield _case(
            lost.address, _from_top(lost.source, folder), "error", "could not be read", reason
        )
    yield from map(_guard, plan.guards)
    yield "</testsuite>\n</testsuites>\n"


def _from_top(source: Source, folder: str) -> Source:
    return structs.replace(source, file=posixpath.join(folder, source.file))


def _case(address: Address, source: Source, element: str, what: str, body: str) -> str:
    file = xml(visible(source.file))
    return (
        f'<testcase classname="{file}" name="{address}" file="{file}" line="{source.line}">'
        f'<{element} message="{xml(what)}">{xml(body)}</{element}></testcase>\n'
    )


def _guard(guard_result: GuardResult) -> str:
    head = f'<testcase classname="guards" name="{guard_result.guard}"'
    if guard_result.ok:
        return f"{head}/>\n"
    found = f"{guard_text(guard_result).sentence}: {allow_flag(guard_result)}"
    return f'{head}><failure message="{xml(found)}"/></testcase>\n'
