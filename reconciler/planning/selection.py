"""All records of the manifests, --target and --exclude -> the records of a run."""

import posixpath
from collections.abc import Mapping, Sequence

from msgspec import Struct

from reconciler.errors import ReconcilerError, UsageError
from reconciler.manifests.globs import Globs, fault
from reconciler.model import Address, Record
from reconciler.wording import did_you_mean


class Selection(Struct, frozen=True):
    """The flags that select records.

    Each value is an address, a file, a folder, or a pattern of either as in .gitignore.
    """

    target: tuple[str, ...] = ()
    """The patterns of --target: only records that match one of them; empty for all records."""
    exclude: tuple[str, ...] = ()
    """The patterns of --exclude: of the targets, no record that matches one of them."""


def select(
    records: Mapping[Address, Record], selection: Selection, *, strict: bool = True
) -> dict[Address, Record]:
    """The selected records, in their order.

    Raises UsageError if a pattern is empty. With `strict` it raises ReconcilerError if a pattern
    matches no record, or if no record is left: a typing mistake must not look like "No changes".
    `strict` is False with --since, where a pattern may rightly match none of the changed records.
    """
    if not all((*selection.target, *selection.exclude)):
        raise UsageError("--target and --exclude: an empty pattern would match every record")
    chosen = dict(records)
    if selection.target:
        matching = _matching(selection.target, records, strict=strict)
        chosen = {address: record for address, record in records.items() if address in matching}
    # Among all records: an exclusion of records that are no targets is not a typing mistake.
    for address in _matching(selection.exclude, records, strict=strict):
        chosen.pop(address, None)
    if strict and not chosen:
        raise ReconcilerError("--target and --exclude: no record is left")
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
    # An existing name wins: as a pattern, the file `[prod].yaml` would not match itself.
    if not files:
        if wrong := fault(path):
            raise UsageError(f"{pattern}: {wrong}")
        files = list(filter(Globs((path,)).matching, by_file))
        named = Globs((pattern.lower(),)).matching
        addresses = {address for address in records if named(str(address))}
    return addresses.union(*(by_file[file] for file in files))
