"""What was read of each record -> a plan, in the order in which answers come."""

from msgspec import structs

from reconciler.model import (
    Address,
    Change,
    Conflict,
    Current,
    Origin,
    Plan,
    Record,
    Side,
    Unreadable,
)
from reconciler.plan import Case, Wanted, difference, digest


class Draft:
    """A plan in the making: told of each record once, in any order, it keeps differences alone.

    Records that are in sync are counted and dropped, so that memory follows the changes.
    """

    def __init__(self, base_url: str, wanted: Wanted) -> None:
        self._base_url = base_url
        self._wanted = wanted
        self._changes: list[Change] = []
        self._conflicts: list[Conflict] = []
        self._unreadable: list[Unreadable] = []
        self._in_sync = 0
        self._left = 0

    def add(self, address: Address, live: Current | Unreadable) -> None:
        """Takes in what was read for one address."""
        if isinstance(live, Unreadable):
            self._unreadable.append(live)
            return
        case = self._case(self._wanted.records[address], live.user_data)
        found = difference(case)
        if found is None and _chosen(case):
            self._left += 1
        elif found is None:
            self._in_sync += 1
        elif self._wanted.only and _origin(found) not in self._wanted.only:
            self._left += 1
        elif isinstance(found, Conflict):
            texts = (found.base, found.wanted, found.live)
            hidden = self._wanted.sensitive(case.record, *texts)
            self._conflicts.append(structs.replace(found, sensitive=hidden) if hidden else found)
        else:
            self._changes.append(self._dressed(found, case))

    def plan(self) -> Plan:
        """The plan of all that was added, in order of address."""
        changes = tuple(sorted(self._changes, key=_address))
        return Plan(
            self._base_url,
            digest(self._base_url, changes),
            changes,
            self._in_sync,
            unreadable=tuple(sorted(self._unreadable, key=_address)),
            conflicts=tuple(sorted(self._conflicts, key=_address)),
            left=self._left,
        )

    def _case(self, record: Record, live: str | None) -> Case:
        wanted = self._wanted
        if wanted.before is None:
            return Case(record, live, mode=wanted.mode(record))
        cleared = record.address in wanted.cleared
        base = record if cleared else wanted.before(record)
        now = structs.replace(record, wanted=None, structured=False) if cleared else record
        choice = wanted.choices.get(record.address)
        # A record that is cleared because it left git is clear enough where it is an empty text.
        there = live or None if cleared else live
        return Case(now, there, base, True, wanted.mode(record), choice)

    def _dressed(self, change: Change, case: Case) -> Change:
        """The change with all that a reader must know of it."""
        hidden = self._wanted.sensitive(case.record, change.before, change.after)
        cleared = change.address in self._wanted.cleared
        if not (hidden or cleared):
            return change
        return structs.replace(change, sensitive=hidden, released=cleared)


def _chosen(case: Case) -> bool:
    """Whether nothing is written because that was chosen."""
    if case.choice is not Side.LIVE:
        return False
    return difference(structs.replace(case, choice=None)) is not None


def _origin(found: Change | Conflict) -> Origin:
    return found.origin if isinstance(found, Change) else Origin.BOTH


def _address(item: Change | Conflict | Unreadable) -> Address:
    return item.address
