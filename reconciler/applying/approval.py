"""`apply --expect`: whether a plan that is made afresh is the one that was approved."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import structs

from reconciler.errors import MovedError, UsageError
from reconciler.model import Address, Change, Origin, Plan
from reconciler.planning.compare import PlanRequest
from reconciler.planning.digest import digest
from reconciler.planning.plan_file import read_plan
from reconciler.values.canonical import matches

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_NAMED = 20


class Approval:
    """What was approved: a digest, and the changes behind it as far as they are known.

    A digest stands for all changes at once. Behind it are those of a saved plan, or, where the
    approved plan was what git alone says, those that git makes to what it held itself.
    """

    def __init__(self, text: str, base_url: str) -> None:
        self._base_url = base_url
        self._changes: dict[Address, Change] | None = None
        self._in_place: set[Address] = set()
        if _DIGEST.fullmatch(text):
            self.digest = text
        elif text.startswith("sha256:") or not Path(text).is_file():
            raise UsageError(
                f"--expect {text}: is neither a digest (sha256: and 64 hexadecimal digits) nor the "
                "file of a saved plan"
            )
        else:
            plan = read_plan(Path(text))
            self.digest = plan.digest
            self._know(plan.changes)

    def watching(self, wanted: PlanRequest) -> PlanRequest:
        """What is wanted, told to say which approved values are in place already."""
        if self._changes is None:
            changes = list(_by_git_alone(wanted))
            if digest(self._base_url, changes) == self.digest:
                self._know(changes)
        return structs.replace(wanted, on_in_sync=self._see)

    def check(self, plan: Plan) -> bool:
        """Whether the plan writes all that was approved, and not just what is left of it.

        Raises MovedError, which names the records that differ as far as anybody can know them.
        """
        if plan.digest == self.digest:
            return True
        message = f"nothing was written: the plan is {plan.digest}, but {self.digest} was approved"
        if self._changes is None:
            advice = "with the approved plan's file, --expect FILE names the records that differ"
            raise MovedError(f"{message}; {advice}", list(_suspects(plan)))
        told = list(self._told(self._changes, plan))
        if told:
            more = [f"and {len(told) - _MOST_NAMED:,} more"] if len(told) > _MOST_NAMED else []
            raise MovedError(f"{message}; these differ:", [*told[:_MOST_NAMED], *more])
        return False  # a run that was killed, and runs again: all that it would write was approved

    def _know(self, changes: Iterable[Change]) -> None:
        self._changes = {change.address: change for change in changes}

    def _see(self, address: Address, live: str | None) -> None:
        change = (self._changes or {}).get(address)
        if change is not None and matches(change.after, live, structured=change.structured):
            self._in_place.add(address)

    def _told(self, approved: dict[Address, Change], plan: Plan) -> Iterator[str]:
        """Each record that would not be written as it was approved."""
        planned = {change.address: change for change in plan.changes}
        conflicts = {conflict.address for conflict in plan.conflicts}
        for address in sorted(approved.keys() | planned.keys()):
            was, now = approved.get(address), planned.get(address)
            if was is None:
                yield f"{address}: was not in the approved plan"
            elif now is None:
                if address in conflicts:
                    yield f"{address}: somebody changed it since, which is a conflict now"
                elif address not in self._in_place:
                    yield f"{address}: was to be written, and is not in this plan"
            elif now.after != was.after:
                yield f"{address}: is to hold another value"
            elif now.before != was.before:
                yield f"{address}: somebody changed it since"


def _by_git_alone(wanted: PlanRequest) -> Iterator[Change]:
    """The changes that git makes to what it held itself: the plan where nothing has drifted."""
    if wanted.base_of is None:
        return
    for address in sorted(wanted.records):
        record = wanted.records[address]
        removed = wanted.removed.get(address)
        base = wanted.base_of(record) if removed is None else removed.base
        was = None if base is None else base.wanted
        after = record.wanted if removed is None else None
        if was != after:
            structured = record.structured and removed is None
            yield Change(address, Origin.CHANGE, was, after, record.source, structured=structured)


def _suspects(plan: Plan) -> Iterator[str]:
    """What is known without the approved plan: where the live record is not what git held."""
    moved = [change.address for change in plan.changes if change.origin is not Origin.CHANGE]
    moved += [conflict.address for conflict in plan.conflicts]
    yield from (f"{address}: live, it is not what git held" for address in moved[:_MOST_NAMED])
