"""Changes -> the digest that an approval stands for."""

import hashlib
from collections.abc import Iterable

from reconciler.model import Change
from reconciler.values.canonical import JsonValue, canonical


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
