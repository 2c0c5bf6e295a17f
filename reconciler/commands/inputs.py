"""What every command about manifests is told, and the records that it is then about."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct, structs

from reconciler.cache import Cache
from reconciler.config import Settings
from reconciler.errors import ReconcilerError, UsageError
from reconciler.loading import Loaded, load
from reconciler.model import Address, Record
from reconciler.rules import Rules
from reconciler.suggest import did_you_mean


class Manifests(Struct, frozen=True):
    """Where the records are written, what reconciler.yaml says of them, where they are cached."""

    paths: tuple[Path, ...]
    settings: Settings = Settings()
    cache: Cache | None = None

    @property
    def narrowed(self) -> tuple[str, ...]:
        """The paths, where they are not those of reconciler.yaml."""
        named = tuple(path.as_posix() for path in self.paths)
        configured = tuple(Path(name).as_posix() for name in self.settings.manifests)
        return () if named == configured else named

    def load(self, rules: Rules | None = None) -> Loaded:
        """All records; ProblemsError with every problem of every file and of reconciler.yaml."""
        rules = Rules(self.settings) if rules is None else rules
        loaded = load(self.paths, rules, self.cache)
        files = dict.fromkeys(record.source.file for record in loaded.records.values())
        advice = tuple(rules.advice(files))
        return structs.replace(loaded, warnings=(*loaded.warnings, *advice)) if advice else loaded


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
    file, wanted = Path(record.source.file).absolute(), Path(pattern).absolute()
    return fnmatchcase(str(file), str(wanted)) or wanted in file.parents
