"""Manifests and git -> the records that a plan is about, now and at the base."""

import os
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from msgspec import Struct, structs

from reconciler.errors import NoRepositoryError, UsageError
from reconciler.git import Repository
from reconciler.manifests import at_revision, left_out
from reconciler.manifests.at_revision import BaseRecords
from reconciler.manifests.discovery import is_in
from reconciler.manifests.loader import Manifests
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.sid_index import found_in
from reconciler.model import Address, Problem, Record, Revisions, Source, short_commit
from reconciler.planning.base_revision import NONE, Comparison, find_base, find_since


class PlanSources(Struct, frozen=True):
    """The records that a run may be about."""

    records: Mapping[Address, Record]
    """The wanted records, before any selection."""
    before: BaseRecords | None
    """The records of git at the base; None if no base was requested."""
    revisions: Revisions
    """The base and the commit of the manifests."""
    count: int
    """The number of records in all manifests."""
    warnings: tuple[Problem, ...]
    """Problems that do not stop the run."""
    gone: Mapping[Address, Record] = MappingProxyType({})
    """Records that git held at the commit `then` and does not hold now."""
    then: str = ""
    """The commit that the manifests are compared with; otherwise empty."""
    since: str | None = None
    """The commit of --since; None without it."""


def repository_of(manifests: Manifests, comparison: Comparison) -> Repository | None:
    """The repository that the manifests are compared in; None without one, where none is needed.

    Raises NoRepositoryError if a revision was named and there is no repository.
    """
    if comparison.needs_git:
        return at_revision.repository(manifests)
    # Without a base nothing is compared, and no git process is started.
    if comparison.base != NONE or comparison.with_head:
        with suppress(NoRepositoryError):
            return at_revision.repository(manifests)
    return None


def sources_of(
    manifests: Manifests,
    comparison: Comparison,
    rules: Rules,
    repository: Repository | None,
    account: str,
) -> PlanSources:
    """The records of the manifests, and those of the base.

    Raises ProblemsError with every problem of the manifests, UsageError if --only is given and no
    base is known.
    """
    if comparison.since is not None and repository is not None:
        return _since(manifests, comparison, rules, repository, account)
    loaded = manifests.load(rules)
    base = find_base(comparison, repository, account)
    if repository is None or base.commit is None:
        if comparison.only:
            raise UsageError(f"--only needs a base: {base.found_as}; name one with --base")
        revisions = Revisions(
            base_is=base.found_as, head=_asked_head(comparison, repository, manifests)
        )
        return PlanSources(loaded.records, None, revisions, len(loaded.records), loaded.warnings)
    before, broken = at_revision.at_commit(
        base.commit, repository, manifests, rules, applied=base.applied
    )
    return PlanSources(
        loaded.records,
        before,
        Revisions(base.commit, base.found_as, _asked_head(comparison, repository, manifests)),
        len(loaded.records),
        (*loaded.warnings, *broken, *left_out.ignored(repository, manifests)),
        at_revision.released(before, loaded.records),
        base.commit,
    )


def _since(
    manifests: Manifests, comparison: Comparison, rules: Rules, git: Repository, account: str
) -> PlanSources:
    """The records that changed since a revision, which is the base unless --base names another."""
    since = base = find_since(comparison, git, account)
    if comparison.base is not None:
        base = find_base(comparison, git, account)
    commit = since.commit or ""
    found = at_revision.since_commit(commit, git, manifests, rules, applied=since.applied)
    before: BaseRecords | None = found.history
    warnings = found.loaded.warnings
    if base.commit is None:
        before = None
    elif base.commit != commit:
        before, broken = at_revision.at_commit(
            base.commit, git, manifests, rules, applied=base.applied
        )
        warnings = (*warnings, *broken)
    return PlanSources(
        at_revision.changed(found.loaded.records, found.history),
        before,
        Revisions(base.commit, base.found_as, _head(git, manifests)),
        found.records,
        warnings,
        at_revision.released(found.history, found.loaded.records),
        commit,
        commit,
    )


def removed_from_git(found: PlanSources, manifests: Manifests) -> Mapping[Address, Record]:
    """The records that git does not hold any more, in any manifest.

    A run over some of the manifests looks for them in the others as well: a record that moved to
    another file was not removed.
    """
    if not (found.gone and manifests.narrowed):
        return found.gone
    sids = {address.sid for address in found.gone}
    moved = found_in(manifests.tree, manifests.settings.manifests, sids, manifests.cache)
    return {address: record for address, record in found.gone.items() if address.sid not in moved}


def base_of(found: PlanSources, record: Record) -> Record | None:
    """The base of a removed record, which was perhaps found at another commit than the base."""
    if found.before is None:
        return None
    if found.before.commit == found.then:
        return record
    # The record was in git at the --since commit and not at the base: it has no base, and a live
    # value is a conflict.
    return found.before.records.get(record.address)


def still_held(
    gone: Mapping[Address, Record], manifests: Manifests, repository: Repository | None
) -> set[str]:
    """The files of removed records that git still holds, and that no folder of manifests has now.

    Nothing was removed then: to clear the record would lose a value that git holds.
    """
    tree = manifests.tree
    files = {record.source.file for record in gone.values()}
    outside = {file for file in files if not any(is_in(file, name) for name in manifests.names)}
    # git is asked as well: a checkout may leave the file out.
    return {
        file
        for file in outside
        if os.path.lexists(tree.path(file))
        or (repository is not None and repository.tracks(tree.path(file)))
    }


def place_then(source: Source, found: PlanSources) -> Source:
    """A place at a commit, as git writes it: `1a2b3c4:manifests/a.yaml`."""
    return structs.replace(source, file=f"{short_commit(found.then)}:{source.file}")


def _asked_head(comparison: Comparison, git: Repository | None, manifests: Manifests) -> str | None:
    """HEAD as by `_head` where the plan has to name it: to compare all files takes time."""
    asked = comparison.with_head or comparison.needs_git
    return _head(git, manifests) if asked and git is not None else None


def _head(git: Repository, manifests: Manifests) -> str | None:
    """HEAD, or None if the manifests differ from it."""
    head = git.known("HEAD")
    # Without this check a commit would be noted as applied whose values were not written.
    if head is None or not at_revision.matches_commit(git, head, manifests):
        return None
    return head
