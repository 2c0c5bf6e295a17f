"""Manifests now + a commit -> the records as git held them then, and the records that changed.

Files with the same content then and now are found by git's object ID; only the others are parsed.
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, structs

from reconciler.errors import ProblemsError, ReconcilerError
from reconciler.git import SUBMODULE, Blob, Repository, oid_of
from reconciler.manifests.cache import Cache
from reconciler.manifests.discovery import Tree, is_in, text_of
from reconciler.manifests.left_out import is_manifest
from reconciler.manifests.loader import (
    Loaded,
    Manifests,
    cached_records,
    collector_paused,
    no_records,
    read_records,
)
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.settings import FILE, OTHER_NAME, Settings, settings_of
from reconciler.manifests.sid_index import sids_in
from reconciler.manifests.validation import collect_records, is_error
from reconciler.model import Address, Problem, Record, Severity, short_commit


class BaseRecords(Struct, frozen=True):
    """The records that git held at a commit."""

    commit: str
    """The full object ID of the commit."""
    records: Mapping[Address, Record]
    """The records of the files that changed since or were removed, as they were then."""
    same_files: frozenset[str]
    """The files with the same content now: their records are those of today."""

    def before(self, record: Record) -> Record | None:
        """The record as it was at the commit; None if git did not hold it."""
        if record.source.file in self.same_files:
            return record
        return self.records.get(record.address)


class ChangedSince(Struct, frozen=True):
    """The manifests compared with a commit."""

    loaded: Loaded
    """The records now of the files that changed, and of files that may hold a moved record."""
    history: BaseRecords
    """The records at the commit."""
    records: int
    """The number of records in all manifests now."""


class _Compared(Struct, frozen=True):
    """The manifest files now and at a commit, by name."""

    same: tuple[str, ...]
    """Files with the same content now and then."""
    changed: tuple[str, ...]
    """Files that were changed or added since."""
    then: Mapping[str, Blob]
    """The content at the commit of the files that were changed or removed since."""


def repository(manifests: Manifests) -> Repository:
    """The git repository that the project is in. Raises NoRepositoryError without one."""
    return Repository(manifests.tree.root)


def at_commit(
    commit: str, git: Repository, manifests: Manifests, rules: Rules, *, applied: bool = False
) -> tuple[BaseRecords, tuple[Problem, ...]]:
    """The records at a commit, and the problems of the manifests there, as warnings.

    With `applied` only those of the folders that its own reconciler.yaml names: an apply of the
    commit wrote no others, whatever --manifests names now.
    """
    compared = _compare(commit, git, manifests, applied=applied)
    with collector_paused():
        records, problems = _then(commit, git, compared, rules, manifests.cache)
    return BaseRecords(commit, records, frozenset(compared.same)), problems


def since_commit(
    commit: str, git: Repository, manifests: Manifests, rules: Rules, *, applied: bool = False
) -> ChangedSince:
    """The records of the files that changed since a commit; other files are not parsed.

    `applied` is as in `at_commit`. `changed` selects the records whose value changed. Raises
    ProblemsError with every problem of the files that changed.
    """
    compared = _compare(commit, git, manifests, applied=applied)
    with collector_paused():
        before, warnings = _then(commit, git, compared, rules, manifests.cache)
        history = BaseRecords(commit, before, frozenset(compared.same))
        now, problems = collect_records(_now(manifests, compared.changed))
        # A SID that was added or removed may also be in a file that did not change: then the record
        # is written twice, or it moved.
        suspects = {address.sid for address in now.keys() ^ before.keys()}
        elsewhere, count = _scan(manifests, compared.same, suspects)
        if elsewhere:
            now, problems = collect_records(_now(manifests, (*compared.changed, *elsewhere)))
        problems += rules.check(now.values())
    if not (count or now or is_error(problems)):
        problems.append(no_records(manifests.names))
    if is_error(problems):
        raise ProblemsError(
            sorted(rules.redact_messages(problems), key=lambda problem: problem.source)
        )
    warned = (*rules.redact_messages(problems), *warnings)
    return ChangedSince(Loaded(now, warned, len(compared.changed)), history, len(now) + count)


def changed(records: Mapping[Address, Record], history: BaseRecords) -> dict[Address, Record]:
    """The records whose value is different at the commit, or that git did not hold then."""
    return {
        address: record
        for address, record in records.items()
        if (before := history.before(record)) is None or before.wanted != record.wanted
    }


def matches_commit(git: Repository, commit: str, manifests: Manifests) -> bool:
    """Whether the manifests are byte for byte those of a commit."""
    compared = _compare(commit, git, manifests)
    return not (compared.changed or compared.then)


def same_manifests(git: Repository, one: str, other: str, manifests: Manifests) -> bool:
    """Whether two commits hold the same manifests, byte for byte."""
    held = [
        {name: blob.oid for name, blob in _files(each, git, manifests)} for each in (one, other)
    ]
    return held[0] == held[1]


def _compare(
    commit: str, git: Repository, manifests: Manifests, *, applied: bool = False
) -> _Compared:
    """Compares the content of the manifest files now and at a commit, without parsing it.

    Raises ProblemsError with the first file or folder that cannot be a manifest.
    """
    then = dict(_files(commit, git, manifests))
    if applied and manifests.narrowed:
        names = _names_then(commit, git, manifests)
        then = {
            file: blob for file, blob in then.items() if any(is_in(file, name) for name in names)
        }
    same, other = [], []
    for name in manifests.tree.find(manifests.names):
        if isinstance(name, Problem):
            raise ProblemsError([name])
        blob = then.get(name)
        if blob is not None and _is_same(manifests.tree, name, blob):
            del then[name]
            same.append(name)
        else:
            other.append(name)
    return _Compared(tuple(same), tuple(other), then)


def _is_same(tree: Tree, name: str, blob: Blob) -> bool:
    """Whether a file has the content of a blob, line ends apart."""
    try:
        data = tree.data(name)
    except OSError:
        return False  # the file counts as changed, and reading it reports the error
    if oid_of(data, like=blob.oid) == blob.oid:
        return True
    # A checkout may convert line ends (core.autocrlf, eol=crlf); YAML reads both alike.
    return b"\r\n" in data and oid_of(data.replace(b"\r\n", b"\n"), like=blob.oid) == blob.oid


def _files(commit: str, git: Repository, manifests: Manifests) -> Iterator[tuple[str, Blob]]:
    """The manifest files of a commit, each once, with the names of the working tree.

    They are in the folders of --manifests, otherwise in those that the settings of the commit name:
    a folder that a later commit adds to `manifests:` was not applied, and one that it takes out
    was. Raises ReconcilerError at a submodule.
    """
    seen: set[str] = set()
    named = manifests.narrowed or _names_then(commit, git, manifests)
    for name in named:
        top = _from_top(manifests.tree.path(name), git)
        for blob in git.files(commit, [top]):
            inside = Path(blob.path).relative_to(top)
            found = posixpath.normpath(posixpath.join(name, inside))
            if blob.mode == SUBMODULE:
                if not any(is_in(found, each) for each in manifests.names):
                    continue  # no folder of now: nothing of it is read
                raise ReconcilerError(
                    f"{found}: is a submodule; its manifests at a revision are in another "
                    "repository: name the other folders with --manifests"
                )
            # A file can be in several named folders; the working tree uses the first name too.
            if blob.path not in seen and is_manifest(blob, inside):
                seen.add(blob.path)
                yield found, blob


def _names_then(commit: str, git: Repository, manifests: Manifests) -> tuple[str, ...]:
    """The files and folders with manifests by the settings of a commit; none if it has problems."""
    tree, configured = manifests.tree, manifests.settings.manifests
    if git.inside(tree.root) is None:
        return tuple(map(tree.name, configured))
    files = {_from_top(tree.path(name), git): name for name in (FILE, OTHER_NAME)}
    held = {files[blob.path]: blob for blob in git.files(commit, sorted(files))}
    if not held:
        settings: Settings | None = Settings()
    else:
        name = FILE if FILE in held else OTHER_NAME
        if _is_same(tree, name, held[name]):
            return tuple(map(tree.name, configured))
        (data,) = (data for _, data in git.read([held[name]]))
        text = text_of(name, data)
        settings = settings_of(text) if isinstance(text, str) else None
    if settings is None:
        return ()
    names = settings.manifests
    if manifests.environment is not None:
        if manifests.environment not in settings.environments:
            return ()
        names = settings.in_environment(manifests.environment).manifests
    return tuple(map(tree.name, names))


def _from_top(path: Path, git: Repository) -> str:
    """The path from the top of the repository; raises ReconcilerError if it is outside."""
    name = git.inside(path)
    if name is None:
        raise ReconcilerError(f"{path}: is not in the git repository at {git.top}")
    return name


def _then(
    commit: str, git: Repository, compared: _Compared, rules: Rules, cache: Cache | None
) -> tuple[dict[Address, Record], tuple[Problem, ...]]:
    """The records of the changed files as they were, and their errors as warnings.

    An error in an old manifest must not stop the run: otherwise a pull request that fixes a
    manifest could not be planned.
    """
    files = {blob.path: file for file, blob in compared.then.items()}

    def stream() -> Iterator[Record | Problem]:
        for blob, data in git.read(compared.then.values()):
            text = text_of(files[blob.path], data)
            if isinstance(text, Problem):
                yield text
            else:
                yield from cached_records(files[blob.path], text, cache)

    records, problems = collect_records(stream())
    errors = (problem for problem in problems if is_error([problem]))
    return records, tuple(_past(problem, commit) for problem in rules.redact_messages(errors))


def _past(problem: Problem, commit: str) -> Problem:
    where = structs.replace(problem.source, file=f"{short_commit(commit)}:{problem.source.file}")
    message = f"{problem.message} (at that revision: the value that git held is not known)"
    return structs.replace(problem, source=where, message=message, severity=Severity.WARNING)


def _now(manifests: Manifests, names: Iterable[str]) -> Iterator[Record | Problem]:
    for name in names:
        yield from read_records(manifests.tree, name, manifests.cache)


def _scan(manifests: Manifests, names: Iterable[str], suspects: set[str]) -> tuple[list[str], int]:
    """The files that may hold one of the SIDs, and the number of records in the other files.

    Files in the usual layout are not parsed: they did not change, and were checked when they did.
    All other files are parsed.
    """
    elsewhere, count = [], 0
    for name in names:
        sids, records = sids_in(manifests.tree, name, manifests.cache)
        if suspects and (sids is None or not suspects.isdisjoint(sids)):
            elsewhere.append(name)
        else:
            count += records
    return elsewhere, count


def released(history: BaseRecords, records: Mapping[Address, Record]) -> dict[Address, Record]:
    """The records that were removed from git since the commit, as they were then."""
    return {
        address: record for address, record in history.records.items() if address not in records
    }
