"""Manifests for tests, and what a store holds."""

import json
from collections.abc import Mapping
from pathlib import Path

from reconciler.kinds import KINDS, MESSAGES
from reconciler.manifests.cache import Cache
from reconciler.manifests.discovery import Tree
from reconciler.manifests.loader import Manifests
from reconciler.sandbox.faults import FaultSampler, parse
from reconciler.sandbox.store import Store

MESSAGE = "097b49df-c54e-4eaf-97d0-89cf7d5a655b"
OTHER_MESSAGE = "5b1e6f0a-2c1d-4e57-9a83-c4f0d7b9e211"
DETAIL_RECORD = "92cd9154-2f53-4e62-8b4e-8ff6e4849d16"
MISSING = "00000000-0000-4000-8000-000000000000"


def write(text: str, name: str = "manifests/a.yaml") -> Path:
    """Writes a file and the folders above it."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def manifest(user_data: object, sid: str = MESSAGE, kind: str = "messages") -> Path:
    """A manifest of one record, whatever characters it holds."""
    return write(json.dumps({kind: {sid: {"user_data": user_data}}}), "manifests/a.json")


def held(store: Store) -> dict[str, dict[str, object]]:
    """Every object of a store, by address."""
    return {
        f"{kind.name}/{sid}": json.loads(body)
        for kind in KINDS.values()
        for sid, body in store.everything(kind)
    }


def user_data(store: Store, address: str) -> object:
    """What a record holds now."""
    return held(store)[address]["user_data"]


def sid(number: int) -> str:
    """The same made-up SID for the same number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def many(count: int) -> Path:
    """A manifest of so many messages, none of which is in the example's store."""
    rows = "".join(f"  {sid(number)}: {{user_data: x}}\n" for number in range(count))
    return write(f"messages:\n{rows}")


def seed_of(faults: list[bool], spec: str) -> int:
    """A seed with which a server's first requests meet a fault just where it is wanted."""
    for seed in range(10_000):
        dice = FaultSampler(parse(spec), seed)
        if [dice.draw() is not None for _ in faults] == faults:
            return seed
    raise AssertionError(faults)


def live(store: Store, texts: dict[int, str | None]) -> None:
    """Makes the store hold these messages, by the number of their made-up SIDs."""
    rows = [(sid(n), json.dumps({"message_sid": sid(n), "user_data": t})) for n, t in texts.items()]
    for name, body in rows:
        if store.get(MESSAGES, name) is None:
            store.add(MESSAGES, [(name, body)])
        else:
            store.replace(MESSAGES, name, body)


def messages(values: Mapping[int, object]) -> str:
    """The text of a manifest, JSON in YAML's flow style, a record a line."""
    rows = [f"  {sid(n)}: {{user_data: {json.dumps(value)}}}\n" for n, value in values.items()]
    return f"messages:\n{''.join(rows)}"


def tree() -> Tree:
    """The project whose root is the test's folder."""
    return Tree(Path.cwd())


def manifests(*names: str, cache: Cache | None = None) -> Manifests:
    """The manifests of the test's folder, by default those in `manifests`."""
    return Manifests(tree(), tuple(map(tree().name, names)) or ("manifests",), cache=cache)
