"""Which of the manifests' records a run is about."""

import posixpath
from collections.abc import Mapping, Sequence

from msgspec import Struct

from reconciler.errors import ReconcilerError, UsageError
from reconciler.manifests.globs import Globs, fault
from reconciler.model import Address, Record
from reconciler.wording import did_you_mean


class Selection(Struct, frozen=True):
    """Which records a run is about: `target` narrows, `exclude` then leaves out.

    Each is an address, a file, or a pattern of either as in .gitignore.
    """

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def select(
    records: Mapping[Address, Record], selection: Selection, *, strict: bool = True
) -> dict[Address, Record]:
    """The records that the selection is about, in their order.

    Raises ReconcilerError for a target or an exclusion that matches nothing: a typing mistake must
    not look like "no changes". That is for all records; of those that changed, none may be meant
    (not `strict`).
    """
    if not all((*selection.target, *selection.exclude)):
        raise UsageError("--target and --exclude: an empty one would match everything")
    chosen = dict(records)
    if selection.target:
        matching = _matching(selection.target, records, strict=strict)
        chosen = {address: record for address, record in records.items() if address in matching}
    for address in _matching(selection.exclude, records, strict=strict):
        chosen.pop(address, None)
    if strict and not chosen:
        raise ReconcilerError("--target and --exclude leave no record")
    return chosen


def _matching(
    patterns: Sequence[str], records: Mapping[Address, Record], *, strict: bool
) -> set[Address]:
    by_file: dict[str, list[Address]] = {}
    for address, record in records.items():
        by_file.setdefault(record.source.file, []).append(address)
    matching: set[Address] = set()
    for pattern in patterns:
        found = _found(pattern, records, by_file)
        if strict and not found:
            raise ReconcilerError(
                f"{pattern}: matches no record{did_you_mean(pattern, by_file)}; a target is an "
                "address (messages/097b49df-...), a manifest file, or a pattern of either as in "
                ".gitignore"
            )
        matching |= found
    return matching


def _found(
    pattern: str, records: Mapping[Address, Record], by_file: Mapping[str, Sequence[Address]]
) -> set[Address]:
    """The records of one target. It is a pattern only if it is neither an address nor a name."""
    address = Address.parse(pattern.lower())
    if address in records:
        return {address}
    # However the two are spelled: ./manifests/a.yaml is manifests/a.yaml.
    path = posixpath.normpath(pattern)
    files = [file for file in by_file if path in (file, ".") or file.startswith(f"{path}/")]
    addresses: set[Address] = set()
    if not files:
        if wrong := fault(path):
            raise UsageError(f"--target {pattern}: {wrong}")
        files = list(filter(Globs((path,)).matching, by_file))
        named = Globs((pattern.lower(),)).matching
        addresses = {address for address in records if named(str(address))}
    return addresses.union(*(by_file[file] for file in files))
