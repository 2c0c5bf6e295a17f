"""A plan or outcomes -> the number of records in each state, for every format and file."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, field

from reconciler.kinds import GONE
from reconciler.model import Action, Origin, Outcome, OutcomeName, Plan


class Summary(Struct, frozen=True):
    """The number of records in each state; set, change and clear add up to the changes."""

    managed: int
    """Records of the manifests that the plan covers."""
    in_sync: int
    """Records that hold the wanted value."""
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
    """The number of changes by origin; an origin without changes has 0."""

    @property
    def changes(self) -> int:
        """The number of records that will be written."""
        return self.set + self.change + self.clear


def summarize(plan: Plan) -> Summary:
    """The counts of a plan."""
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


def all_not_found(plan: Plan) -> bool:
    """Whether every record of the plan was answered with 404 or 410.

    The base URL, or the account of the token, is then probably wrong.
    """
    lost = plan.unreadable
    # `> 0`: an empty plan has no record that could prove a wrong address.
    return len(lost) == plan.managed > 0 and all(one.status in GONE for one in lost)


def tally(outcomes: Iterable[Outcome]) -> dict[OutcomeName, int]:
    """The number of changes by outcome, in the order of OutcomeName, without those that are 0."""
    counts = Counter(outcome.name for outcome in outcomes)
    return {name: counts[name] for name in OutcomeName if counts[name]}
