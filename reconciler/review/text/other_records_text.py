"""A plan -> lines on records that will not be written: in conflict, removed from git, not read."""

from collections.abc import Iterator

from reconciler.escape.text import visible
from reconciler.model import Plan, Unreadable
from reconciler.planning.summary import all_not_found
from reconciler.review import headlines, value_text
from reconciler.review.colours import Paint
from reconciler.review.report import Cause, Report
from reconciler.review.text import change_text
from reconciler.review.text.change_text import where
from reconciler.values.json_pointer import from_pointer
from reconciler.wording import plural

# Released records keep their live values: of more than 20 the others are only counted.
_MAX_RELEASED = 20

# More than 20 unread records are grouped by reason, and the first three of each reason are listed.
_MAX_UNREAD = 20
_NAMED_OF_A_CAUSE = 3


def conflicts(plan: Plan, paint: Paint, *, concise: bool) -> Iterator[str]:
    """Conflicts as kubectl shows them: keys, the value of each side, and how to resolve them."""
    if not plan.conflicts:
        return
    count = plural(len(plan.conflicts), "conflict")
    yield paint.strong(f"{count}: git and another client changed the same values since the base.")
    yield ""
    for conflict in plan.conflicts:
        if concise:
            names = "  ".join(value_text.key_name(from_pointer(path)) for path in conflict.paths)
            head = f"  {paint.removed('!')} {paint.strong(str(conflict.address))}"
            yield f"{head}  {names}  {paint.dim(where(conflict.source))}"
            continue
        yield f"  {paint.removed('!')} {paint.strong(str(conflict.address))}"
        yield f"      {paint.dim(where(conflict.source))}  {paint.removed('conflict')}"
        at = change_text.sides(conflict, plan)
        for path in conflict.paths:
            yield f"      {paint.removed('!')} {value_text.key_name(from_pointer(path))}:"
            for side, value in at(path):
                yield f"          {side:<4} {value}"
        yield ""
    if concise:
        yield ""
    first = plan.conflicts[0].address
    yield "Nothing can be applied while a conflict is open. Do one of these for each record:"
    yield "  write the value of git, or keep the live value:"
    yield f"    --resolve {first}=git"
    yield f"    --resolve {first}=live"
    yield "  copy the live value into the manifest; or leave the record out with --exclude."
    yield ""


def released(plan: Plan, paint: Paint) -> Iterator[str]:
    """Records that were removed from git and keep their live values; the first 20 are listed."""
    gone = plan.released
    if not gone:
        return
    are = "was removed from git; its live value is kept"
    if len(gone) != 1:
        are = "were removed from git; their live values are kept"
    yield paint.strong(f"{plural(len(gone), 'record')} {are}:")
    yield ""
    for record in gone[:_MAX_RELEASED]:
        yield f"  . {record.address}  {paint.dim(where(record.source))}"
    if len(gone) > _MAX_RELEASED:
        yield f"  ... and {len(gone) - _MAX_RELEASED:,} more"
    yield ""


def unreadable(report: Report, paint: Paint, *, verbose: bool) -> Iterator[str]:
    """Records that could not be read, each with its reason; many of them grouped by reason."""
    lost = report.plan.unreadable
    if not lost:
        return
    yield paint.strong(f"{plural(len(lost), 'record')} could not be read:")
    yield ""
    if verbose or len(lost) <= _MAX_UNREAD:
        for record in lost:
            yield f"  {paint.removed('!')} {paint.strong(str(record.address))}"
            yield f"      {paint.dim(where(record.source))}  {_why(record)}"
    else:
        # One by one, 5,000 records with the same reason took 10,000 lines.
        for cause in report.causes[:_MAX_UNREAD]:
            yield from _cause(cause, paint)
        rest = report.causes[_MAX_UNREAD:]
        if rest:
            count = plural(sum(len(cause.records) for cause in rest), "record")
            yield f"  ... and {count} with other reasons (--verbose lists them)"
    yield ""
    if all_not_found(report.plan):
        yield headlines.NONE_FOUND
        yield ""


def _cause(cause: Cause, paint: Paint) -> Iterator[str]:
    count = paint.strong(plural(len(cause.records), "record"))
    yield f"  {paint.removed('!')} {count}: {_why(cause)}"
    for record in cause.records[:_NAMED_OF_A_CAUSE]:
        yield f"      {record.address}  {paint.dim(where(record.source))}"
    rest = len(cause.records) - _NAMED_OF_A_CAUSE
    if rest > 0:
        yield f"      ... and {rest:,} more (--verbose lists them)"


def _why(lost: Cause | Unreadable) -> str:
    status = f"{lost.status} " if lost.status else ""
    return f"{status}{visible(lost.reason)}"
