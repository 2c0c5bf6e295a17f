"""What was read of each record -> a plan, in the order in which answers come."""

from msgspec import structs

from reconciler.kinds import GONE
from reconciler.model import (
    HUSHED,
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
from reconciler.planning.compare import Case, Wanted, difference, hidden_by
from reconciler.planning.digest import digest


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
            if live.status in GONE and address in self._wanted.cleared:
                self._in_sync += 1  # what is gone holds nothing that could be cleared
            else:
                self._unreadable.append(self._hushed(live))
            return
        case = self._case(self._wanted.records[address], live.user_data)
        found = difference(case)
        if found is None and not _chosen(case):
            self._in_sync += 1
            if self._wanted.on_in_sync is not None:
                self._wanted.on_in_sync(address, live.user_data)
        elif found is None or (self._wanted.only and _origin(found) not in self._wanted.only):
            self._left += 1
        elif isinstance(found, Conflict):
            self._conflicts.append(self._told(found, case))
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
        mode, choice = wanted.mode(record), wanted.choices.get(record.address)
        cleared = wanted.cleared.get(record.address)
        if cleared is None:
            return Case(record, live, wanted.before(record), True, mode, choice)
        nothing = structs.replace(record, wanted=None, structured=False)
        # A record that is cleared because it left git is clear enough where it is an empty text.
        return Case(nothing, live or None, cleared.base, True, mode, choice, released=True)

    def _dressed(self, change: Change, case: Case) -> Change:
        """The change with all that a reader must know of it."""
        hidden = self._hidden(case, change.before, change.after)
        cleared = self._wanted.cleared.get(change.address)
        if cleared is not None:
            change = structs.replace(change, released=True, source=cleared.source)
        return change if hidden is None else structs.replace(change, sensitive=hidden)

    def _hushed(self, lost: Unreadable) -> Unreadable:
        """Without the words of an API that may quote what must not be shown."""
        record = self._wanted.records[lost.address]
        discreet = self._hidden(Case(record, None, self._before(record))) is not None
        return structs.replace(lost, reason=HUSHED) if discreet else lost

    def _before(self, record: Record) -> Record | None:
        return None if self._wanted.before is None else self._wanted.before(record)

    def _told(self, conflict: Conflict, case: Case) -> Conflict:
        """The conflict with all that a reader must know of it, and no name of what is hidden."""
        hidden = self._hidden(case, conflict.base, conflict.wanted, conflict.live) or ()
        places = dict.fromkeys(_outside(place, hidden) for place in conflict.places)
        cleared = self._wanted.cleared.get(conflict.address)
        source = conflict.source if cleared is None else cleared.source
        return structs.replace(conflict, places=tuple(places), sensitive=hidden, source=source)

    def _hidden(self, case: Case, *texts: str | None) -> tuple[str, ...] | None:
        """What must not be shown, by the rules of the file now and of the one at the base."""
        hidden = self._wanted.sensitive(case.record, *texts)
        if case.base is None or case.base.source.file == case.record.source.file:
            return hidden
        return hidden_by(hidden, self._wanted.sensitive(case.base, *texts))


def _outside(place: str, hidden: tuple[str, ...]) -> str:
    """The place, or the hidden one that it is in."""
    return next((one for one in hidden if f"{place}/".startswith(f"{one}/")), place)


def _chosen(case: Case) -> bool:
    """Whether nothing is written because that was chosen."""
    if case.choice is not Side.LIVE:
        return False
    return difference(structs.replace(case, choice=None)) is not None


def _origin(found: Change | Conflict) -> Origin:
    return found.origin if isinstance(found, Change) else Origin.BOTH


def _address(item: Change | Conflict | Unreadable) -> Address:
    return item.address
