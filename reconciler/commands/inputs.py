"""What every command about manifests is told, and the records that it is then about."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct

from reconciler.cache import Cache
from reconciler.config import Settings
from reconciler.errors import ReconcilerError, UsageError
from reconciler.loading import Loaded, load
from reconciler.model import Address, Record
from reconciler.rules import Rules


class Manifests(Struct, frozen=True):
    """Where the records are written, what reconciler.yaml says of them, where they are cached."""

    paths: tuple[Path, ...]
    settings: Settings = Settings()
    cache: Cache | None = None

    def load(self) -> Loaded:
        """All records; ProblemsError with every problem of every file."""
        return load(self.paths, Rules(self.settings), self.cache)


class Selection(Struct, frozen=True):
    """Which records a run is about: `target` narrows, `exclude` then leaves out.

    Each is an address, a file, or a glob of either.
    """

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def select(records: Mapping[Address, Record], selection: Selection) -> dict[Address, Record]:
    """The records that the selection is about, in their order.

    Raises ReconcilerError for a target or an exclusion that matches nothing: a typing mistake must
    not look like "no changes".
    """
    if not all((*selection.target, *selection.exclude)):
        raise UsageError("--target and --exclude: an empty one would match everything")
    chosen = dict(records)
    if selection.target:
        chosen = {address: records[address] for address in _matching(selection.target, records)}
    for address in _matching(selection.exclude, records):
        chosen.pop(address, None)
    if not chosen:
        raise ReconcilerError("--target and --exclude leave no record")
    return chosen


def _matching(patterns: Sequence[str], records: Mapping[Address, Record]) -> list[Address]:
    unused = set(patterns)
    matching = []
    for address, record in records.items():
        hits = [pattern for pattern in patterns if _matches(pattern, record)]
        unused.difference_update(hits)
        if hits:
            matching.append(address)
    if unused:
        raise ReconcilerError(
            f"{min(unused)}: matches no record; a target is an address "
            "(messages/097b49df-...), a manifest file, or a glob of either"
        )
    return matching


def _matches(pattern: str, record: Record) -> bool:
    if fnmatchcase(str(record.address), pattern.lower()):
        return True
    # However the two are spelled: ./manifests/a.yaml is manifests/a.yaml.
    file, wanted = Path(record.source.file).absolute(), Path(pattern).absolute()
    return fnmatchcase(str(file), str(wanted)) or wanted in file.parents
