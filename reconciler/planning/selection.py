"""All records of the manifests, --target and --exclude -> the records of a run."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence

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
    listed: tuple[str, ...] = ()
    """The lines of all files of --target-file."""
    files: tuple[str, ...] = ()
    """The names of these files."""

    @property
    def shown_target(self) -> tuple[str, ...]:
        """The targets for outputs: those of a file by its name, `@targets.txt` (`@-`: stdin)."""
        return (*self.target, *(f"@{file}" for file in self.files))


def select(
    records: Mapping[Address, Record], selection: Selection, *, strict: bool = True
) -> dict[Address, Record]:
    """The selected records, in their order.

    Raises UsageError if a pattern is empty. With `strict` it raises ReconcilerError if a pattern
    matches no record, or if no record is left: a typing mistake must not look like "No changes".
    `strict` is False with --since, where a pattern may rightly match none of the changed records.
    """
    targets = (*selection.target, *selection.listed)
    if not all((*targets, *selection.exclude)):
        raise UsageError("--target and --exclude: an empty pattern would match every record")
    chosen = dict(records)
    if targets or selection.files:
        matching = _matching(targets, records, strict=strict)
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
    """The records of all targets.

    All targets are looked up, or compared with every name, together: the time does not grow with
    the product of targets and records.
    """
    by_file: dict[str, list[Address]] = {}
    for address, record in records.items():
        by_file.setdefault(record.source.file, []).append(address)
    folders = _folders(by_file)
    matching: set[Address] = set()
    rest: list[str] = []
    for pattern in patterns:
        address = Address.parse(pattern.lower())
        # However the two are spelled: ./manifests/a.yaml is manifests/a.yaml.
        files = folders.get(posixpath.normpath(pattern), ())
        if address in records:
            matching.add(address)
        # An existing name wins: as a pattern, the file `[prod].yaml` would not match itself.
        elif files:
            matching.update(address for file in files for address in by_file[file])
        else:
            rest.append(pattern)
    return matching | _by_patterns(rest, records, by_file, strict=strict)


def _folders(files: Iterable[str]) -> dict[str, list[str]]:
    """The name of each file, and of each folder above it, with the files that it stands for."""
    found: dict[str, list[str]] = {".": list(files)}
    for file in found["."]:
        end = len(file)
        while end > 0:
            found.setdefault(file[:end], []).append(file)
            end = file.rfind("/", 0, end)
    return found


def _by_patterns(
    patterns: Sequence[str],
    records: Mapping[Address, Record],
    by_file: Mapping[str, Sequence[Address]],
    *,
    strict: bool,
) -> set[Address]:
    """The records whose file or address matches one of the patterns, as in .gitignore."""
    if not patterns:
        return set()
    paths = [posixpath.normpath(pattern) for pattern in patterns]
    for pattern, path in zip(patterns, paths, strict=True):
        if wrong := fault(path):
            raise UsageError(f"{pattern}: {wrong}")
    used: set[int] = set()
    matching: set[Address] = set()
    of_files, of_addresses = Globs(paths), Globs([pattern.lower() for pattern in patterns])
    for file, addresses in by_file.items():
        if numbers := of_files.matching(file):
            used.update(numbers)
            matching.update(addresses)
    for address in records:
        if numbers := of_addresses.matching(str(address)):
            used.update(numbers)
            matching.add(address)
    unused = [pattern for number, pattern in enumerate(patterns) if number not in used]
    if strict and unused:
        raise ReconcilerError(
            f"{unused[0]}: matches no record{did_you_mean(unused[0], by_file)}; a target is an "
            "address (messages/097b49df-...), a manifest file, or a pattern of either as in "
            ".gitignore"
        )
    return matching
