"""Paths and targets -> the records that a command is about."""

import gc
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from msgspec import Struct

from reconciler.errors import ReconcilerError
from reconciler.manifest import Entry, find, load
from reconciler.model import Address, Problem, Record
from reconciler.schema import Admitted, admit_all


class Selection(Struct, frozen=True):
    """Which records a run is about: `target` narrows, `exclude` then leaves out.

    Each is an address, a file, or a glob of either.
    """

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Loaded(Struct, frozen=True):
    """The records of all files, and how many files those were."""

    admitted: Admitted
    files: int


def load_all(paths: Sequence[Path]) -> Loaded:
    """All records under the paths; ProblemsError with every problem of every file."""
    files = 0

    def stream() -> Iterable[Entry | Problem]:
        nonlocal files
        for found in find(paths):
            if isinstance(found, Problem):
                yield found
            else:
                files += 1
                yield from load(found)

    with _collector_paused():
        admitted = admit_all(stream())
    return Loaded(admitted, files)


@contextmanager
def _collector_paused() -> Generator[None]:
    """Millions of small values and no cycles: the collector would walk them again and again.

    What was loaded is then frozen, so that later collections do not walk it either.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def select(records: Mapping[Address, Record], selection: Selection) -> dict[Address, Record]:
    """The records that the selection is about, in their order.

    Raises ReconcilerError for a target or an exclusion that matches nothing: a typing mistake must
    not look like "no changes".
    """
    chosen = dict(records)
    if selection.target:
        chosen = {address: records[address] for address in _matching(selection.target, records)}
    for address in _matching(selection.exclude, records):
        chosen.pop(address, None)
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
    file = record.source.file
    return (
        fnmatchcase(str(record.address), pattern.lower())
        or fnmatchcase(file, pattern)
        or PurePosixPath(pattern) in PurePosixPath(file).parents
        or PurePosixPath(pattern) == PurePosixPath(file)
    )
