"""What a sandbox holds at first: the API pages' own records, records for given manifests, or many.

The same seed makes the same records, on every machine.
"""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from json.encoder import encode_basestring
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from reconciler import resources
from reconciler.kinds import KINDS, MANAGED_FIELD, Kind
from reconciler.model import Address
from reconciler.sandbox.store import Store

# Of the drifted records: the rest holds another text.
_EMPTIED_SHARE = 0.1

_CAMPAIGNS = ("spring", "summer", "autumn", "winter")


class Fixture(Struct, frozen=True, gc=False):
    """A record that some manifest names, and the text that it wants there."""

    address: Address
    user_data: str | None


@contextmanager
def open_seeded(path: Path) -> Iterator[Store]:
    """The store at a path; a new one holds the records of the API's pages and of the example."""
    with open_store(path) as store:
        with store.transaction():  # two first runs at once: one of them seeds
            if store.is_empty():
                add_documented(store)
        yield store


@contextmanager
def open_store(path: Path) -> Iterator[Store]:
    """The store at a path, empty if it is new; its folder is kept out of git."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ignore = path.parent / ".gitignore"
    if path.parent.name == ".reconciler" and not ignore.exists():
        ignore.write_text("*\n")
    with Store(path) as store:
        yield store


def add_documented(store: Store) -> int:
    """Adds the objects of the API's "Update" pages, and those of the example; how many."""
    text = resources.read("sandbox", "documented.json")
    objects = msgspec.json.decode(text, type=dict[str, list[dict[str, Raw]]])
    with store.transaction():
        for kind in KINDS.values():
            store.add(kind, (_row(kind, held) for held in objects.get(kind.name, ())))
    return sum(map(len, objects.values()))


def add_wanted(store: Store, records: Iterable[Fixture], *, drift: float, seed: int) -> int:
    """Adds a record for each wanted one, a share of them (0 to 1) with another text; how many."""
    by_kind: dict[str, list[Fixture]] = {name: [] for name in KINDS}
    for record in records:
        by_kind[record.address.kind].append(record)
    for name, wanted in by_kind.items():
        store.add(KINDS[name], _live(KINDS[name], wanted, drift, seed))
    return sum(map(len, by_kind.values()))


def add_synthetic(store: Store, count: int, *, drift: float, seed: int) -> int:
    """Adds so many made-up records of each kind, a share of them (0 to 1) drifted; how many."""
    for kind in KINDS.values():
        store.add(kind, _live(kind, synthetic(kind, count, seed=seed), drift, seed))
    return count * len(KINDS)


def synthetic(kind: Kind, count: int, *, seed: int) -> Iterator[Fixture]:
    """So many made-up records with structured annotations, one at a time."""
    dice = random.Random(f"{kind.name} {seed}")  # noqa: S311  a simulation, no secret
    for number in range(count):
        campaign = _CAMPAIGNS[number % len(_CAMPAIGNS)]
        text = f'{{"campaign":"{campaign}","owner":"team-{number % 7}","ticket":"OPS-{number}"}}'
        yield Fixture(Address(kind.name, _sid(dice)), text)


def _sid(dice: random.Random) -> str:
    digits = f"{dice.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _live(
    kind: Kind, wanted: Iterable[Fixture], drift: float, seed: int
) -> Iterator[tuple[str, str]]:
    dice = random.Random(f"drift {kind.name} {seed}")  # noqa: S311  a simulation, no secret
    for number, record in enumerate(wanted):
        text = _drifted(record.user_data, dice, drift)
        yield record.address.sid, body(kind, record.address.sid, number, text)


def _drifted(text: str | None, dice: random.Random, share: float) -> str | None:
    if dice.random() >= share:
        return text
    emptied = text is not None and dice.random() < _EMPTIED_SHARE
    return None if emptied else "changed by somebody"


def _row(kind: Kind, held: dict[str, Raw]) -> tuple[str, str]:
    sid = msgspec.json.decode(held[kind.sid_field], type=str)
    return sid, msgspec.json.encode(held).decode()


def body(kind: Kind, sid: str, number: int, user_data: str | None) -> str:
    """The JSON text of a made-up object: the kind's example with its own SID, dates and value."""
    moment = _FIRST + timedelta(seconds=number)  # apart, so that paging by date has an order
    date = f'"{moment.isoformat(timespec="milliseconds")}Z"'
    held = "null" if user_data is None else encode_basestring(user_data)
    return _template(kind.name).format(date=date, sid=sid, held=held)


_FIRST = datetime(2025, 1, 1)  # noqa: DTZ001  written out with its Z


@cache
def _template(name: str) -> str:
    """A kind's example as a format string; its texts hold no braces."""
    kind = KINDS[name]
    members = []
    for field, value in kind.example.items():
        if field == kind.sid_field:
            written = '"{sid}"'
        elif field == MANAGED_FIELD:
            written = "{held}"
        else:
            written = "{date}" if field.startswith("date_") else msgspec.json.encode(value).decode()
        members.append(f'"{field}":{written}')
    return f"{{{{{','.join(members)}}}}}"
