"""Adds records to a store: documented examples, records of manifests, or generated ones.

The same seed generates the same records on every machine.
"""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
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

# The share of the drifted records that are empty; the others hold another text.
_EMPTIED_SHARE = 0.1

_CAMPAIGNS = ("spring", "summer", "autumn", "winter")


class Fixture(Struct, frozen=True, gc=False):
    """A record of a manifest and its wanted value."""

    address: Address
    """The address of the record."""
    user_data: str | None
    """The wanted text; None for an empty field."""


@contextmanager
def open_seeded(path: Path) -> Iterator[Store]:
    """The store at a path; a new one holds the documented records and those of the example."""
    with open_store(path) as store:
        with store.transaction():  # if two runs create the store at once, only one fills it
            if store.is_empty():
                add_documented(store)
        yield store


@contextmanager
def open_store(path: Path) -> Iterator[Store]:
    """The store at a path, empty if it is new; creates its folder.

    A folder named `.reconciler` gets a .gitignore, so that git does not track the store.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.name == ".reconciler":
        # "x": a link of this name, even a broken one, is not followed.
        with suppress(FileExistsError), (path.parent / ".gitignore").open("x") as stream:
            stream.write("*\n")
    with Store(path) as store:
        yield store


def add_documented(store: Store) -> int:
    """Adds the objects of the API's "Update" pages and of the example; returns their number."""
    text = resources.read("sandbox", "documented.json")
    objects = msgspec.json.decode(text, type=dict[str, list[dict[str, Raw]]])
    with store.transaction():
        for kind in KINDS.values():
            store.add(kind, (_row(kind, held) for held in objects.get(kind.name, ())))
    return sum(map(len, objects.values()))


def add_wanted(store: Store, records: Iterable[Fixture], *, drift: float, seed: int) -> int:
    """Adds a record with the wanted value for each of `records`; returns their number.

    `drift` is the share of them (0 to 1) that get another value.
    """
    by_kind: dict[str, list[Fixture]] = {name: [] for name in KINDS}
    for record in records:
        by_kind[record.address.kind].append(record)
    for name, wanted in by_kind.items():
        store.add(KINDS[name], _live(KINDS[name], wanted, drift, seed))
    return sum(map(len, by_kind.values()))


def add_synthetic(store: Store, count: int, *, drift: float, seed: int) -> int:
    """Adds `count` generated records of each kind; returns the number for all kinds.

    `drift` is the share of them (0 to 1) that get another value.
    """
    for kind in KINDS.values():
        store.add(kind, _live(kind, synthetic(kind, count, seed=seed), drift, seed))
    return count * len(KINDS)


def synthetic(kind: Kind, count: int, *, seed: int) -> Iterator[Fixture]:
    """Generates `count` records whose user_data is a JSON object, one at a time."""
    dice = random.Random(f"{kind.name} {seed}")  # noqa: S311  a simulation, no secret
    for number in range(count):
        campaign = _CAMPAIGNS[number % len(_CAMPAIGNS)]
        text = f'{{"campaign":"{campaign}","owner":"team-{number % 7}","ticket":"OPS-{number}"}}'
        yield Fixture(Address(kind.name, _sid(dice)), text)


def _sid(dice: random.Random) -> str:
    """A random SID in the form of a UUID of version 4."""
    digits = f"{dice.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _live(
    kind: Kind, wanted: Iterable[Fixture], drift: float, seed: int
) -> Iterator[tuple[str, str]]:
    """SID and JSON text of each record, a share of them (`drift`, 0 to 1) with another value."""
    # Another generator than that of the SIDs: another `drift` leaves the SIDs as they are.
    dice = random.Random(f"drift {kind.name} {seed}")  # noqa: S311  a simulation, no secret
    for number, record in enumerate(wanted):
        text = _drifted(record.user_data, dice, drift)
        yield record.address.sid, body(kind, record.address.sid, number, text)


def _drifted(text: str | None, dice: random.Random, share: float) -> str | None:
    """The text, or with the probability `share` another one or None."""
    if dice.random() >= share:
        return text
    emptied = text is not None and dice.random() < _EMPTIED_SHARE
    return None if emptied else "changed by another client"


def _row(kind: Kind, held: dict[str, Raw]) -> tuple[str, str]:
    """SID and JSON text of a documented object."""
    sid = msgspec.json.decode(held[kind.sid_field], type=str)
    return sid, msgspec.json.encode(held).decode()


def body(kind: Kind, sid: str, number: int, user_data: str | None) -> str:
    """The JSON text of a generated object: the example of its kind with this SID and value.

    `number` sets all its dates: each object is one second later than the one before.
    """
    moment = _FIRST + timedelta(seconds=number)  # different dates give paging by date a fixed order
    date = f'"{moment.isoformat(timespec="milliseconds")}Z"'
    held = "null" if user_data is None else encode_basestring(user_data)
    return _template(kind.name).format(date=date, sid=sid, held=held)


_FIRST = datetime(2025, 1, 1)  # noqa: DTZ001  the Z is added when it is written


@cache
def _template(name: str) -> str:
    """The example of a kind as a format string with the fields `sid`, `date` and `held`.

    The values of an example must not contain braces.
    """
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
