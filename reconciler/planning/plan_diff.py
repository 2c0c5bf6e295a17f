"""Two plans -> what an approval of one says of the other, record by record."""

from msgspec import Struct

from reconciler.model import Change, Plan


class PlanDiff(Struct, frozen=True):
    """What one plan has that another one had not, and the other way round.

    Of a record in `moved` the live value is another one than it was; of one in `rewritten` the
    wanted value is, whatever the live one.
    """

    old: Plan
    new: Plan
    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    moved: tuple[Change, ...]
    rewritten: tuple[Change, ...]
    unchanged: int

    @property
    def differs(self) -> bool:
        """Whether an approval of the old plan is none of the new one."""
        return self.old.digest != self.new.digest


def diff_plans(old: Plan, new: Plan) -> PlanDiff:
    """The differences of two plans, record by record; those of the new plan, but for `removed`."""
    then = {change.address: change for change in old.changes}
    now = {change.address for change in new.changes}
    kept = [(then[change.address], change) for change in new.changes if change.address in then]
    rewritten = tuple(after for before, after in kept if before.after != after.after)
    moved = tuple(
        after
        for before, after in kept
        if before.after == after.after and before.before != after.before
    )
    return PlanDiff(
        old,
        new,
        added=tuple(change for change in new.changes if change.address not in then),
        removed=tuple(change for change in old.changes if change.address not in now),
        moved=moved,
        rewritten=rewritten,
        unchanged=len(kept) - len(rewritten) - len(moved),
    )
