"""Records + current -> Plan; pure: no clock, no file, no network."""

import hashlib
from collections.abc import Iterable, Mapping

from reconciler.model import Address, Change, Current, Origin, Plan, Record, Unreadable
from reconciler.value import JsonValue, canonical, same


def change_for(record: Record, current: Current) -> Change | None:
    """What has to be written to one record, None where it is in sync."""
    if same(record.wanted, current.user_data, structured=record.structured):
        return None
    # Without a revision of git to compare with, every difference is this revision's.
    return Change(record.address, Origin.CHANGE, current.user_data, record.wanted, record.source)


class Draft:
    """A plan in the making: told of each record once, in any order, it keeps changes alone.

    Records that are in sync are counted and dropped, so that memory follows the changes.
    """

    def __init__(self, base_url: str, records: Mapping[Address, Record]) -> None:
        self._base_url = base_url
        self._records = records
        self._changes: list[Change] = []
        self._unreadable: list[Unreadable] = []
        self._in_sync = 0

    def add(self, address: Address, live: Current | Unreadable) -> None:
        """Takes in what was read for one address."""
        if isinstance(live, Unreadable):
            self._unreadable.append(live)
            return
        change = change_for(self._records[address], live)
        if change is None:
            self._in_sync += 1
        else:
            self._changes.append(change)

    def plan(self) -> Plan:
        """The plan of all that was added, in order of address."""
        changes = tuple(sorted(self._changes, key=_address))
        unreadable = tuple(sorted(self._unreadable, key=_address))
        return Plan(
            self._base_url, digest(self._base_url, changes), changes, self._in_sync, unreadable
        )


def digest(base_url: str, changes: Iterable[Change]) -> str:
    """What an approval stands for: the same for the same writes, whatever else is different.

    SHA-256 over canonical JSON, `[base URL, [[kind, sid, before, after], ...]]`, the changes in
    order of address. Neither time, version, file order, layout nor comments go into it.
    """
    sha = hashlib.sha256(f"[{canonical(base_url)},[".encode())
    separator = ""
    for change in changes:
        row: list[JsonValue] = [
            change.address.kind,
            change.address.sid,
            change.before,
            change.after,
        ]
        sha.update(f"{separator}{canonical(row)}".encode())
        separator = ","
    sha.update(b"]]")
    return f"sha256:{sha.hexdigest()}"


def _address(item: Change | Unreadable) -> Address:
    return item.address
