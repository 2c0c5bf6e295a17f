"""`apply --expect`: whether a plan that was made afresh is the one that was approved."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.commands import Terminal
from reconciler.commands.files import read_plan
from reconciler.errors import MovedError, UsageError
from reconciler.model import Address, Change, Origin, Plan
from reconciler.plan import Wanted, digest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_NAMED = 20


def approval(text: str) -> str | Path:
    """A digest, or a saved plan that has one; UsageError for what is neither."""
    if _DIGEST.fullmatch(text):
        return text
    if text.startswith("sha256:") or not Path(text).is_file():
        raise UsageError(
            f"--expect {text}: is neither a digest (sha256: and 64 hexadecimal digits) nor the "
            "file of a saved plan"
        )
    return Path(text)


def check(plan: Plan, approved: str | Path, wanted: Wanted | None, terminal: Terminal) -> None:
    """Passes where the plan writes what was approved, or what is left of it.

    Raises MovedError, which names the records that differ as far as anybody can know them: a digest
    stands for all changes at once. Where the approved plan was what git alone says, it is found
    again by its digest.
    """
    known: Iterable[Change] | None = None
    if isinstance(approved, Path):
        saved = read_plan(approved)
        approved, known = saved.digest, saved.changes
    if plan.digest == approved:
        return
    if known is None and wanted is not None:
        known = _by_git_alone(plan.base_url, approved, wanted)
    if known is None:
        raise MovedError(f"{_differs(plan, approved)}{_suspects(plan)}")
    told = list(_told({change.address: change for change in known}, plan, wanted))
    if not told:
        # A run that was killed, and runs again: all that it would write was approved.
        terminal.note("A part of what was approved is in place already; this is the rest of it.")
        return
    more = f"\n  and {len(told) - _MOST_NAMED:,} more" if len(told) > _MOST_NAMED else ""
    listed = "".join(f"\n  {line}" for line in told[:_MOST_NAMED])
    raise MovedError(f"{_differs(plan, approved)}; these records differ:{listed}{more}")


def _differs(plan: Plan, approved: str) -> str:
    return f"nothing was written: the plan is {plan.digest}, but {approved} was approved"


def _by_git_alone(base_url: str, approved: str, wanted: Wanted) -> list[Change] | None:
    """The changes that git makes to what it held itself, if that is what was approved.

    It is where nothing had drifted when the plan was made; the digest proves it.
    """
    if wanted.before is None:
        return None
    changes = []
    for address in sorted(wanted.records):
        record = wanted.records[address]
        before = record if address in wanted.cleared else wanted.before(record)
        was = None if before is None else before.wanted
        after = None if address in wanted.cleared else record.wanted
        if was != after:
            changes.append(Change(address, Origin.CHANGE, was, after, record.source))
    return changes if digest(base_url, changes) == approved else None


def _told(approved: Mapping[Address, Change], plan: Plan, wanted: Wanted | None) -> Iterator[str]:
    """Each record that would not be written as it was approved; done is what holds that already."""
    planned = {change.address: change for change in plan.changes}
    elsewhere = {record.address for record in plan.unreadable}
    elsewhere |= {conflict.address for conflict in plan.conflicts}
    for address in sorted(approved.keys() | planned.keys()):
        was, now = approved.get(address), planned.get(address)
        if was is None:
            yield f"{address}: was not in the approved plan"
        elif now is None:
            looked_at = wanted is not None and address in wanted.records
            if address in elsewhere or not looked_at or not _in_place(was, wanted):
                yield f"{address}: was to be written, and is not in this plan"
        elif now.after != was.after:
            yield f"{address}: is to hold another value"
        elif now.before != was.before:
            yield f"{address}: somebody changed it since"


def _in_place(change: Change, wanted: Wanted | None) -> bool:
    """Whether git still wants what was approved, so that being in sync means that it is there."""
    if wanted is None:
        return False
    if change.address in wanted.cleared:
        return change.after is None
    return wanted.records[change.address].wanted == change.after


def _suspects(plan: Plan) -> str:
    """What is known without the approved plan: where the live record is not what git held."""
    moved = [str(change.address) for change in plan.changes if change.origin is not Origin.CHANGE]
    moved += [str(conflict.address) for conflict in plan.conflicts]
    advice = "; with the approved plan's file, --expect FILE names the records"
    if not moved:
        return advice
    listed = ", ".join(moved[:_MOST_NAMED])
    return f"; live, these are not what git held: {listed}{advice}"
