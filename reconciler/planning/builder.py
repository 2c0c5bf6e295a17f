"""Live records, as their answers come in -> a plan."""

from msgspec import structs

from reconciler.kinds import GONE
from reconciler.model import (
    REDACTED_REASON,
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
from reconciler.planning.compare import PlanRequest, ThreeWay, compare, union_of_sensitive
from reconciler.planning.digest import digest


class PlanBuilder:
    """Builds a plan from live records, each added once and in any order.

    Records that are in sync are counted and dropped, so that memory grows with the changes and
    not with the account:

        builder = PlanBuilder(base_url, request)
        for address, live in answers:
            builder.add(address, live)
        plan = builder.plan()
    """

    def __init__(self, base_url: str, request: PlanRequest) -> None:
        self._base_url = base_url
        self._request = request
        self._changes: list[Change] = []
        self._conflicts: list[Conflict] = []
        self._unreadable: list[Unreadable] = []
        self._in_sync = 0
        self._left_alone = 0
        self._unused: list[Address] = []

    def add(self, address: Address, live: Current | Unreadable) -> None:
        """Adds what was read of one record of the request."""
        if isinstance(live, Unreadable):
            self._add_unreadable(live)
            return
        sides = self._sides(self._request.records[address], live.user_data)
        found = compare(sides)
        if found is None and not _kept_by_choice(sides):
            self._in_sync += 1
            if sides.choice is Side.LIVE:
                self._unused.append(address)
            if self._request.on_in_sync is not None:
                self._request.on_in_sync(address, live.user_data)
        elif found is None or (self._request.only and _origin(found) not in self._request.only):
            self._left_alone += 1
        elif isinstance(found, Conflict):
            self._conflicts.append(self._with_redaction(found, sides))
        else:
            self._changes.append(self._with_metadata(found, sides))

    @property
    def unused_choices(self) -> list[Address]:
        """The records whose live value was chosen, and which are in sync, in order."""
        return sorted(self._unused)

    def plan(self) -> Plan:
        """The plan of all records that were added, in order of address."""
        # Responses come in any order, and the digest depends on the order of the changes.
        changes = tuple(sorted(self._changes, key=_address))
        return Plan(
            self._base_url,
            digest(self._base_url, changes),
            changes,
            self._in_sync,
            unreadable=tuple(sorted(self._unreadable, key=_address)),
            conflicts=tuple(sorted(self._conflicts, key=_address)),
            left_alone=self._left_alone,
        )

    def _add_unreadable(self, live: Unreadable) -> None:
        if live.status in GONE and live.address in self._request.removed:
            self._in_sync += 1  # a record that does not exist holds nothing to clear
        else:
            self._unreadable.append(self._with_redacted_reason(live))

    def _sides(self, record: Record, live: str | None) -> ThreeWay:
        request = self._request
        mode = request.mode_of(record)
        choice = request.choices.get(record.address)
        removed = request.removed.get(record.address)
        if removed is None:
            base = None if request.base_of is None else request.base_of(record)
            return ThreeWay(record, live, base, mode, choice)
        empty = structs.replace(record, wanted=None, structured=False)
        # An empty text is as good as a cleared field for a record that was removed from git.
        return ThreeWay(empty, live or None, removed.base, mode, choice, removed=True)

    def _with_metadata(self, change: Change, sides: ThreeWay) -> Change:
        """The change with its sensitive paths, and with the place of a removed record."""
        hidden = self._sensitive_paths(sides, change.before, change.after)
        removed = self._request.removed.get(change.address)
        if removed is not None:
            change = structs.replace(change, released=True, source=removed.source)
        return change if hidden is None else structs.replace(change, sensitive=hidden)

    def _with_redacted_reason(self, unreadable: Unreadable) -> Unreadable:
        """The record without the API's message, which may quote a sensitive value."""
        record = self._request.records[unreadable.address]
        base = None if self._request.base_of is None else self._request.base_of(record)
        # No live text can be searched for the secret: one sensitive field in the schema is enough
        # (test_an_api_that_quotes_what_must_not_be_shown_is_not_quoted).
        if self._sensitive_paths(ThreeWay(record, None, base)) is None:
            return unreadable
        return structs.replace(unreadable, reason=REDACTED_REASON)

    def _with_redaction(self, conflict: Conflict, sides: ThreeWay) -> Conflict:
        """The conflict with its sensitive paths; a path inside a sensitive value is cut there."""
        texts = conflict.base, conflict.wanted, conflict.live
        hidden = self._sensitive_paths(sides, *texts) or ()
        # Conflicts inside one sensitive value are cut to the same path: no duplicates.
        paths = dict.fromkeys(_outside(path, hidden) for path in conflict.paths)
        removed = self._request.removed.get(conflict.address)
        source = conflict.source if removed is None else removed.source
        return structs.replace(conflict, paths=tuple(paths), sensitive=hidden, source=source)

    def _sensitive_paths(self, sides: ThreeWay, *texts: str | None) -> tuple[str, ...] | None:
        """The sensitive paths, by the rules for the file now and for the file at the base."""
        hidden = self._request.sensitive_in(sides.record, *texts)
        # A pull request can move a record out of a sensitive file; its old values stay hidden
        # (test_a_record_that_leaves_a_secretive_file_keeps_its_secret).
        if sides.base is None or sides.base.source.file == sides.record.source.file:
            return hidden
        return union_of_sensitive(hidden, self._request.sensitive_in(sides.base, *texts))


def _outside(path: str, hidden: tuple[str, ...]) -> str:
    """The path, or the sensitive path that it is inside of."""
    # The slash keeps /pin from covering /pinned; the empty pointer covers every path.
    return next((one for one in hidden if f"{path}/".startswith(f"{one}/")), path)


def _kept_by_choice(sides: ThreeWay) -> bool:
    """Whether the record differs, and its live value was chosen (--resolve)."""
    if sides.choice is not Side.LIVE:
        return False
    return compare(structs.replace(sides, choice=None)) is not None


def _origin(found: Change | Conflict) -> Origin:
    return found.origin if isinstance(found, Change) else Origin.BOTH


def _address(item: Change | Conflict | Unreadable) -> Address:
    return item.address
