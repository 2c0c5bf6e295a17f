"""Plan or outcomes -> how many records are in which state: what every format and file counts by."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, field

from reconciler.model import Action, Origin, Outcome, OutcomeName, Plan

_NOT_FOUND = 404


class Summary(Struct, frozen=True):
    """How many records are in which state; the actions add up to the changes."""

    managed: int
    """Records of the manifests that the plan speaks of."""
    in_sync: int
    """Records that hold what is wanted."""
    set: int
    """Empty fields that will be filled."""
    change: int
    """Values that will be replaced."""
    clear: int
    """Values that will be cleared."""
    unreadable: int
    """Records that could not be read."""
    conflicts: int
    """Records in conflict."""
    released: int
    """Records that were removed from git and keep their live value."""
    left_alone: int = field(name="left")
    """Records that differ and are not written, by --only or --resolve."""
    origins: dict[str, int] = field()
    """The changes by origin, all origins included."""

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
        left_alone=plan.left_alone,
        origins={origin.value: origins[origin] for origin in Origin},
    )


def none_found(plan: Plan) -> bool:
    """Whether the API has not one of the records: it may be another API, or another account's."""
    lost = plan.unreadable
    return len(lost) == plan.managed > 0 and all(one.status == _NOT_FOUND for one in lost)


def tally(outcomes: Iterable[Outcome]) -> dict[OutcomeName, int]:
    """How many changes ended how; names that did not happen are not in it."""
    counts = Counter(outcome.name for outcome in outcomes)
    return {name: counts[name] for name in OutcomeName if counts[name]}
