"""An approved digest or plan (`apply --expect`), and a new plan -> whether they are the same."""

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
# The number of records that an error names.
_MAX_NAMED = 20


class Approval:
    """An approved digest, and its changes if they are known.

    An approved plan file holds them. For a digest alone they are computed from git (base and now),
    and used only if their digest is the approved one, which is so if no live value had drifted.
    """

    def __init__(self, text: str, base_url: str) -> None:
        self._base_url = base_url
        self._changes: dict[Address, Change] | None = None
        self._in_place: set[Address] = set()
        if _DIGEST.fullmatch(text):
            self.digest = text
            """The approved digest: `sha256:...`."""
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
        """The request, extended to note which approved values are in place already.

        The plan that is passed to `check` has to be built from it.
        """
        if self._changes is None:
            changes = list(_changes_in_git(wanted))
            if digest(self._base_url, changes) == self.digest:
                self._know(changes)
        return structs.replace(wanted, on_in_sync=self._see)

    def check(self, plan: Plan) -> bool:
        """True if the plan is the approved one, False if it is the remaining part of it.

        The remaining part is left when an apply was killed and runs again: some approved values are
        in place already. Raises MovedError, with the records that differ if they are known, for any
        other plan.
        """
        if plan.digest == self.digest:
            return True
        message = f"nothing was written: the plan is {plan.digest}, but {self.digest} was approved"
        if self._changes is None:
            advice = "with the approved plan's file, --expect FILE names the records that differ"
            raise MovedError(f"{message}; {advice}", list(_suspects(plan)))
        differing = list(self._differing(self._changes, plan))
        if differing:
            more = (
                [f"and {len(differing) - _MAX_NAMED:,} more"] if len(differing) > _MAX_NAMED else []
            )
            raise MovedError(f"{message}; these records differ:", [*differing[:_MAX_NAMED], *more])
        return False  # every write of the plan was approved

    def _know(self, changes: Iterable[Change]) -> None:
        self._changes = {change.address: change for change in changes}

    def _see(self, address: Address, live: str | None) -> None:
        change = (self._changes or {}).get(address)
        # The API may have laid out the written JSON anew: after a kill that value is in place too.
        if change is not None and matches(change.after, live, structured=change.structured):
            self._in_place.add(address)

    def _differing(self, approved: dict[Address, Change], plan: Plan) -> Iterator[str]:
        """One line for each record whose write is not as it was approved, in order of address."""
        planned = {change.address: change for change in plan.changes}
        conflicts = {conflict.address for conflict in plan.conflicts}
        for address in sorted(approved.keys() | planned.keys()):
            was, now = approved.get(address), planned.get(address)
            if was is None:
                yield f"{address}: was not in the approved plan"
            elif now is None:
                if address in conflicts:
                    yield f"{address}: its live value changed since the approval: a conflict"
                elif address not in self._in_place:
                    yield f"{address}: was in the approved plan and is not in this one"
            elif now.after != was.after:
                yield f"{address}: its new value is not the approved one"
            elif now.before != was.before:
                yield f"{address}: its live value changed since the approval"


def _changes_in_git(wanted: PlanRequest) -> Iterator[Change]:
    """The changes from git at the base to git now: the plan if no live value has drifted."""
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
    """Records whose live value is not that of the base: the likely cause of another digest."""
    moved = [change.address for change in plan.changes if change.origin is not Origin.CHANGE]
    moved += [conflict.address for conflict in plan.conflicts]
    yield from (f"{address}: its live value is not what git held" for address in moved[:_MAX_NAMED])
