"""Two plans -> their differences record by record, to judge whether an approval still holds."""

from msgspec import Struct

from reconciler.model import Change, Plan


class PlanDiff(Struct, frozen=True):
    """The differences between an old and a new plan; all changes in order of address."""

    old: Plan
    """The plan that was approved or made before."""
    new: Plan
    """The plan to compare with it."""
    added: tuple[Change, ...]
    """Changes whose record the old plan does not change."""
    removed: tuple[Change, ...]
    """Changes of the old plan whose record the new plan does not change."""
    moved: tuple[Change, ...]
    """Changes of the new plan with another live value (`before`) and the same new value."""
    rewritten: tuple[Change, ...]
    """Changes of the new plan with another new value (`after`)."""
    unchanged: int
    """The number of changes whose `before` and `after` are in both plans."""

    @property
    def differs(self) -> bool:
        """Whether the digests differ: an approval of the old plan does not cover the new one."""
        return self.old.digest != self.new.digest


def diff_plans(old: Plan, new: Plan) -> PlanDiff:
    """The differences of two plans, record by record.

    All changes are those of the new plan, except `removed`.
    """
    then = {change.address: change for change in old.changes}
    now = {change.address for change in new.changes}
    kept = [(then[change.address], change) for change in new.changes if change.address in then]
    # A change with another `before` as well is only here: each record must be in one list, as
    # `unchanged` is the rest.
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
