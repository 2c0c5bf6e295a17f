"""Plan -> the counts that every format shows, and what differs between two plans.

No format counts for itself.
"""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from reconciler.diff import Place, places
from reconciler.mask import Mask, text_of
from reconciler.model import Action, Change, Conflict, Origin, Outcome, OutcomeName, Plan


class Summary(Struct, frozen=True):
    """How many records are in which state; the actions add up to the changes."""

    managed: int
    in_sync: int
    set: int
    change: int
    clear: int
    unreadable: int
    conflicts: int
    released: int
    left: int
    origins: dict[str, int]

    @property
    def changes(self) -> int:
        """Records that will be written."""
        return self.set + self.change + self.clear


def summarize(plan: Plan) -> Summary:
    """Counts a plan, in one pass over its changes."""
    actions: Counter[Action] = Counter()
    origins: Counter[Origin] = Counter()
    for change in plan.changes:
        actions[change.action] += 1
        origins[change.origin] += 1
    return Summary(
        managed=plan.managed,
        in_sync=plan.in_sync,
        set=actions[Action.SET],
        change=actions[Action.CHANGE],
        clear=actions[Action.CLEAR],
        unreadable=len(plan.unreadable),
        conflicts=len(plan.conflicts),
        released=len(plan.released),
        left=plan.left,
        origins={origin.value: origins[origin] for origin in Origin},
    )


def tally(outcomes: Iterable[Outcome]) -> dict[OutcomeName, int]:
    """How many changes ended how; names that did not happen are not in it."""
    counts = Counter(outcome.name for outcome in outcomes)
    return {name: counts[name] for name in OutcomeName if counts[name]}


class Group(Struct, frozen=True):
    """Changes that do the same to the same places, in order of address, whatever else is there.

    `found` are the places of the first few of them, in the same order.
    """

    changes: tuple[Change, ...]
    found: tuple[tuple[Place, ...], ...]


def hidden(plan: Plan, item: Change | Conflict) -> Mask | None:
    """What hides the sensitive values of a record, where it has any."""
    return Mask(item.sensitive, plan.meta.fingerprint_key.encode()) if item.sensitive else None


def groups(plan: Plan) -> list[Group]:
    """The changes of a plan, those that are alike together: what loses data first, then by size."""
    alike: dict[str, tuple[list[Change], list[tuple[Place, ...]]]] = {}
    for change in plan.changes:
        found = places(change.before, change.after, hidden(plan, change))
        changes, kept = alike.setdefault(_likeness(change, found), ([], []))
        changes.append(change)
        if len(changes) <= _KEPT_OF_A_GROUP:
            kept.append(found)
    gathered = [Group(tuple(changes), tuple(kept)) for changes, kept in alike.values()]
    return sorted(gathered, key=lambda group: (_harm(group.changes[0]), -len(group.changes)))


def _likeness(change: Change, found: Iterable[Place]) -> str:
    """A text that only changes that do the same have."""
    parts = [change.action, change.origin, "released" if change.released else ""]
    for place in found:
        parts += (place.op, place.path, text_of(place.before), text_of(place.after))
    return "\0".join(parts)


# Of more changes that are alike nobody needs the places again.
_KEPT_OF_A_GROUP = 3


def _harm(change: Change) -> int:
    return 0 if change.action is Action.CLEAR else 1


class Delta(Struct, frozen=True):
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


def compare(old: Plan, new: Plan) -> Delta:
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
    return Delta(
        old,
        new,
        added=tuple(change for change in new.changes if change.address not in then),
        removed=tuple(change for change in old.changes if change.address not in now),
        moved=moved,
        rewritten=rewritten,
        unchanged=len(kept) - len(rewritten) - len(moved),
    )
