"""Which of the manifests' records a run is about."""

import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from reconciler.errors import ReconcilerError, UsageError
from reconciler.model import Address, Record
from reconciler.suggest import did_you_mean


class Selection(Struct, frozen=True):
    """Which records a run is about: `target` narrows, `exclude` then leaves out.

    Each is an address, a file, or a glob of either.
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
        chosen = {address: records[address] for address in matching}
    for address in _matching(selection.exclude, records, strict=strict):
        chosen.pop(address, None)
    if strict and not chosen:
        raise ReconcilerError("--target and --exclude leave no record")
    return chosen


def _matching(
    patterns: Sequence[str], records: Mapping[Address, Record], *, strict: bool
) -> list[Address]:
    unused = set(patterns)
    matching = []
    for address, record in records.items():
        hits = [pattern for pattern in patterns if _matches(pattern, record)]
        unused.difference_update(hits)
        if hits:
            matching.append(address)
    if strict and unused:
        pattern, files = min(unused), {record.source.file for record in records.values()}
        raise ReconcilerError(
            f"{pattern}: matches no record{did_you_mean(pattern, files)}; a target is an address "
            "(messages/097b49df-...), a manifest file, or a glob of either"
        )
    return matching


def _matches(pattern: str, record: Record) -> bool:
    if fnmatchcase(str(record.address), pattern.lower()):
        return True
    # However the two are spelled: ./manifests/a.yaml is manifests/a.yaml.
    file, wanted = record.source.file, posixpath.normpath(pattern)
    return fnmatchcase(file, wanted) or wanted == "." or file.startswith(f"{wanted}/")
