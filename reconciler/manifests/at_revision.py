"""Manifests now + a revision of git -> what git held of each record then, and what changed since.

Files whose content is the same then and now are found by the name that git gives the content: only
the others are parsed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, structs

from reconciler.errors import ProblemsError, ReconcilerError
from reconciler.files import read_regular
from reconciler.git import Blob, Repository, oid_of
from reconciler.manifests.cache import Cache
from reconciler.manifests.discovery import MAX_FILE_BYTES, SUFFIXES, find, is_utf8, text_of
from reconciler.manifests.loader import Loaded, collector_paused, empty, records_from, records_of
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.sid_index import sids_in
from reconciler.manifests.validation import collect, is_error
from reconciler.model import Address, Problem, Record, Severity, short

_SUBMODULE, _LINK = "160000", "120000"


class History(Struct, frozen=True):
    """What git held at a commit: in the files that are the same now, just what they hold now."""

    commit: str
    records: Mapping[Address, Record]
    same_files: frozenset[str]

    def before(self, record: Record) -> Record | None:
        """The record as it was at the commit, None where it was not there."""
        if record.source.file in self.same_files:
            return record
        return self.records.get(record.address)


class Since(Struct, frozen=True):
    """The records whose value changed since a commit, and how many the manifests hold in all."""

    loaded: Loaded
    history: History
    records: int


class _Compared(Struct, frozen=True):
    """The manifest files now and at a commit; `then` are those that changed or are gone."""

    same: tuple[Path, ...]
    changed: tuple[Path, ...]
    then: Mapping[str, Blob]


def repository(paths: Sequence[Path]) -> Repository:
    """The repository that the manifests are in."""
    first = paths[0].absolute()
    folder = next(folder for folder in (first, *first.parents) if folder.is_dir())
    return Repository(folder)


def at_commit(
    commit: str, git: Repository, paths: Sequence[Path], rules: Rules, cache: Cache | None
) -> tuple[History, tuple[Problem, ...]]:
    """What git held at a commit, and what is wrong with the manifests there, as warnings."""
    compared = _compare(commit, git, paths)
    with collector_paused():
        records, problems = _then(commit, git, compared, rules, cache)
    return History(commit, records, _names(compared.same)), problems


def since_commit(
    commit: str, git: Repository, paths: Sequence[Path], rules: Rules, cache: Cache | None
) -> Since:
    """The records whose value changed since a commit; no other file is parsed.

    Raises ProblemsError with every problem of the files that changed.
    """
    compared = _compare(commit, git, paths)
    with collector_paused():
        before, warnings = _then(commit, git, compared, rules, cache)
        history = History(commit, before, _names(compared.same))
        now, problems = collect(_now(compared.changed, cache))
        # A SID that came or went may be in a file that did not change: written twice, or moved.
        suspects = {address.sid for address in now.keys() ^ before.keys()}
        elsewhere, count = _scan(compared.same, suspects, cache)
        if elsewhere:
            now, problems = collect(_now((*compared.changed, *elsewhere), cache))
        problems += rules.check(now.values())
    if not (count or now or is_error(problems)):
        problems.append(empty(paths))
    if is_error(problems):
        raise ProblemsError(sorted(rules.discreet(problems), key=lambda problem: problem.source))
    told = (*rules.discreet(problems), *warnings)
    return Since(Loaded(now, told, len(compared.changed)), history, len(now) + count)


def changed(records: Mapping[Address, Record], history: History) -> dict[Address, Record]:
    """The records that git held in another value, or not at all."""
    return {
        address: record
        for address, record in records.items()
        if (before := history.before(record)) is None or before.wanted != record.wanted
    }


def is_commit(git: Repository, commit: str, paths: Sequence[Path]) -> bool:
    """Whether the manifests are those of a commit, to the byte."""
    compared = _compare(commit, git, paths)
    return not (compared.changed or compared.then)


def alike(git: Repository, one: str, other: str, paths: Sequence[Path]) -> bool:
    """Whether two commits hold the same manifests, to the byte."""
    held = [{name: blob.oid for name, blob in _files(each, git, paths)} for each in (one, other)]
    return held[0] == held[1]


def _compare(commit: str, git: Repository, paths: Sequence[Path]) -> _Compared:
    then = dict(_files(commit, git, paths))
    same, other = [], []
    for path in find(paths):
        if isinstance(path, Problem):
            raise ProblemsError([path])
        blob = then.get(path.as_posix())
        if blob is not None and _oid(path, blob) == blob.oid:
            del then[path.as_posix()]
            same.append(path)
        else:
            other.append(path)
    return _Compared(tuple(same), tuple(other), then)


def _oid(path: Path, blob: Blob) -> str | None:
    try:
        return oid_of(read_regular(path, MAX_FILE_BYTES, follow_links=False), like=blob.oid)
    except OSError:
        return None  # reading it as a manifest says what is wrong


def _files(commit: str, git: Repository, paths: Sequence[Path]) -> Iterator[tuple[str, Blob]]:
    """The manifest files of a commit, named as the working tree's are."""
    seen: set[str] = set()
    for path in paths:
        top = _from_top(path, git)
        for blob in git.files(commit, [top]):
            inside = Path(blob.path).relative_to(top)
            if blob.mode == _SUBMODULE:
                raise ReconcilerError(
                    f"{path / inside}: is a submodule; its manifests at a revision are in another "
                    "repository: name the other folders with --manifests"
                )
            # However often it is named: the first name is the one that the working tree goes by.
            if blob.path not in seen and _is_manifest(blob, inside):
                seen.add(blob.path)
                yield (path / inside).as_posix(), blob


def _is_manifest(blob: Blob, inside: Path) -> bool:
    """Whether a file of a commit would be read from a working tree."""
    hidden = any(part.startswith(".") for part in inside.parts)
    named = blob.path.lower().endswith(SUFFIXES) and is_utf8(blob.path)
    return named and not hidden and blob.mode != _LINK


def _from_top(path: Path, git: Repository) -> str:
    real = os.path.relpath(os.path.realpath(path), os.path.realpath(git.top))
    if real == ".." or real.startswith("../"):
        raise ReconcilerError(f"{path}: is not in the git repository at {git.top}")
    return real


def _then(
    commit: str, git: Repository, compared: _Compared, rules: Rules, cache: Cache | None
) -> tuple[dict[Address, Record], tuple[Problem, ...]]:
    """The records of the files that changed, as they were; problems do not stop anything.

    Else a pull request that mends a manifest could not be planned.
    """
    files = {blob.path: file for file, blob in compared.then.items()}

    def stream() -> Iterator[Record | Problem]:
        for blob, data in git.read(compared.then.values()):
            text = text_of(files[blob.path], data)
            if isinstance(text, Problem):
                yield text
            else:
                yield from records_from(files[blob.path], text, cache)

    records, problems = collect(stream())
    errors = (problem for problem in problems if is_error([problem]))
    return records, tuple(_past(problem, commit) for problem in rules.discreet(errors))


def _past(problem: Problem, commit: str) -> Problem:
    where = structs.replace(problem.source, file=f"{short(commit)}:{problem.source.file}")
    message = f"{problem.message} (at that revision: what git held there is not known)"
    return structs.replace(problem, source=where, message=message, severity=Severity.WARNING)


def _now(files: Iterable[Path], cache: Cache | None) -> Iterator[Record | Problem]:
    for path in files:
        yield from records_of(path, cache)


def _scan(files: Iterable[Path], suspects: set[str], cache: Cache | None) -> tuple[list[Path], int]:
    """The files in which one of the SIDs may stand, and how many records all the others hold.

    Files in the usual layout are not parsed for it: they did not change, and were checked when they
    did. All others are.
    """
    elsewhere, count = [], 0
    for path in files:
        sids, records = sids_in(path, cache)
        if suspects and (sids is None or not suspects.isdisjoint(sids)):
            elsewhere.append(path)
        else:
            count += records
    return elsewhere, count


def _names(files: Iterable[Path]) -> frozenset[str]:
    return frozenset(path.as_posix() for path in files)


def released(history: History, records: Mapping[Address, Record]) -> dict[Address, Record]:
    """The records that git held and holds no more, as they were."""
    return {
        address: record for address, record in history.records.items() if address not in records
    }
