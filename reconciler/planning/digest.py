"""The changes of a plan -> the digest that is approved."""

import hashlib
from collections.abc import Iterable

from reconciler.model import Change
from reconciler.values.canonical import JsonValue, canonical


def digest(base_url: str, changes: Iterable[Change]) -> str:
    """`sha256:` and 64 hexadecimal digits, equal for plans that make the same writes.

    SHA-256 over canonical JSON, `[base URL, [[kind, sid, before, after], ...]]`. The changes must
    come in order of address. Time, version, file order, layout and comments do not affect it.
    """
    sha = hashlib.sha256(f"[{canonical(base_url)},[".encode())
    separator = ""
    for change in changes:
        # `before` is included: with `after` alone, one approval would also cover a plan that
        # overwrites another live value.
        row: list[JsonValue] = [
            change.address.kind,
            change.address.sid,
            change.before,
            change.after,
        ]
        sha.update(f"{separator}{canonical(row)}".encode(errors="surrogatepass"))
        separator = ","
    sha.update(b"]]")
    return f"sha256:{sha.hexdigest()}"
