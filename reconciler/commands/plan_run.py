"""Records and the live account -> a plan: shared by `plan`, `apply` and every other caller.

Nothing here prints, reads the working folder or keeps state: a caller can run it any number of
times, with one client and one event loop.
"""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct, structs

from reconciler import __version__
from reconciler.client.connection import Client
from reconciler.client.fetch import ReadMode, ReadOptions, read
from reconciler.client.fetch_pages import PAGE_RECORDS
from reconciler.errors import NoRepositoryError, ReconcilerError, UsageError
from reconciler.git import Repository
from reconciler.manifests import at_revision
from reconciler.manifests.at_revision import BaseRecords
from reconciler.manifests.discovery import is_in
from reconciler.manifests.loader import Manifests
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.rule_catalog import severity
from reconciler.manifests.settings import FILE as SETTINGS_FILE
from reconciler.manifests.sid_index import found_in
from reconciler.model import (
    Address,
    Current,
    Meta,
    Plan,
    Problem,
    Record,
    Released,
    Revisions,
    Scope,
    Source,
    Unreadable,
    short_commit,
)
from reconciler.planning import redaction
from reconciler.planning.base_revision import (
    NONE,
    Comparison,
    find_base,
    find_since,
    past_rules,
)
from reconciler.planning.builder import PlanBuilder
from reconciler.planning.compare import PlanRequest, Removed
from reconciler.planning.guards.registry import judge
from reconciler.planning.redaction import PastRules
from reconciler.planning.selection import Selection, select


class PlanInputs(Struct, frozen=True):
    """The input of a plan, except for the live account."""

    manifests: Manifests
    """The files with the wanted records."""
    selection: Selection = Selection()
    """The records to plan."""
    how: ReadMode = "auto"
    """The strategy for reading the live records."""
    comparison: Comparison = Comparison()
    """The revisions of git to compare with."""
    allowed: Mapping[str, int] = MappingProxyType({})
    """Limits of guards that are raised for this run, by the guard's name."""


class Prepared(Struct, frozen=True):
    """The part of a plan that is known before the live records are read."""

    wanted: PlanRequest
    """The records to read, and how to compare them."""
    released: tuple[Released, ...]
    """Records that were removed from git and keep their live value."""
    revisions: Revisions
    """The base and the commit of the manifests."""
    scope: Scope
    """The selection of records that the plan covers."""
    warnings: tuple[Problem, ...]
    """Problems that do not stop the run."""


class PlanResult(Struct, frozen=True):
    """The result of one plan."""

    plan: Plan
    """The plan, complete or not."""
    warnings: tuple[Problem, ...]
    """Problems of manifests and settings that did not stop the run."""


class Progress(Protocol):
    """Shows how far a run is."""

    def __call__(
        self, what: str, total: int, detail: object
    ) -> AbstractContextManager[Callable[[], None]]:
        """Begins to show `total` steps; the value of the context counts one step a call.

        `detail` is shown beside the count, as the text that it is at that moment.
        """
        ...


def no_progress(
    what: str, total: int, detail: object
) -> AbstractContextManager[Callable[[], None]]:
    """Shows nothing."""
    del what, total, detail
    return nullcontext(lambda: None)


async def plan_run(
    inputs: PlanInputs, client: Client, progress: Progress = no_progress
) -> PlanResult:
    """The plan for the manifests as they are now.

    Reads through a client that cannot write. Raises ProblemsError with every problem of the
    manifests, ApiError if the API cannot be read at all.
    """
    prepared = prepare(inputs, client)
    return PlanResult(await make(prepared, inputs, client, progress), prepared.warnings)


def prepare(inputs: PlanInputs, client: Client) -> Prepared:
    """Loads the manifests and the base; no request is made.

    Raises ProblemsError with every problem of the manifests and of reconciler.yaml.
    """
    repository = _repository(inputs)
    if repository is not None:
        whole = at_revision.with_left_out(repository, inputs.manifests)
        inputs = structs.replace(inputs, manifests=whole)
    manifests = inputs.manifests
    rules = Rules(manifests.settings, manifests.tree)
    account = client.connection.account
    with client.connection.telemetry.span("manifests.load"):
        found = _found(inputs, rules, repository, account)
    gone = _left_git(found, inputs)
    everything = {**found.records, **gone} if gone else found.records
    # With --since unchanged records are not loaded: a pattern that matches none is no error.
    chosen = select(everything, inputs.selection, strict=found.since is None)
    _check_choices(chosen, everything, inputs.comparison)
    gone = {address: record for address, record in gone.items() if address in chosen}
    there = _still_there(gone, manifests, repository)
    cleared = {
        address: Removed(_base(found, record), _past(record.source, found))
        for address, record in gone.items()
        if rules.clears(record) and record.source.file not in there
    }
    left = sorted(gone.keys() - cleared.keys())
    for address in left:
        # Otherwise the value of the old commit would be written to a record that git released.
        del chosen[address]
    comparison, selection = inputs.comparison, inputs.selection
    past = _pasts(found, inputs, repository)
    return Prepared(
        PlanRequest(
            chosen,
            None if found.before is None else found.before.before,
            cleared,
            rules.mode,
            redaction.sensitive_by(rules, past),
            comparison.choices,
            comparison.only,
        ),
        tuple(Released(address, _past(gone[address].source, found)) for address in left),
        found.revisions,
        Scope(
            # max_change_percent counts cleared records as losses, so the whole contains them too.
            found.count + len(cleared),
            found.since,
            inputs.manifests.narrowed,
            selection.shown_target,
            selection.exclude,
            comparison.only,
        ),
        (*found.warnings, *(_unknown(one) for one in past if not one.is_known)),
    )


async def make(
    prepared: Prepared, inputs: PlanInputs, client: Client, progress: Progress = no_progress
) -> Plan:
    """Reads the live records and makes the plan, with the results of all guards."""
    draft = PlanBuilder(client.connection.base_url, prepared.wanted)
    if prepared.wanted.records:  # otherwise no token is needed either
        await _read(prepared, inputs, client, progress, draft)
    # A choice that decides nothing was meant for another record, or for another day.
    if unused := draft.unused_choices:
        raise ReconcilerError(
            f"--resolve {unused[0]}=live: the record is in sync, so that there is nothing to keep; "
            "leave the flag out"
        )
    plan = structs.replace(
        draft.plan(),
        environment=client.connection.environment,
        released=prepared.released,
        revisions=prepared.revisions,
        scope=prepared.scope,
    )
    client.connection.telemetry.planned(len(plan.changes))
    limits = structs.asdict(inputs.manifests.settings.guards)
    return with_meta(
        structs.replace(plan, guards=judge(plan, limits, inputs.allowed)),
    )


def with_meta(plan: Plan) -> Plan:
    """The plan with the version and the time that it is made with."""
    # Without a random key a short secret could be guessed from its fingerprint.
    key = secrets.token_hex(16) if plan.sensitive else ""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return structs.replace(plan, meta=Meta(__version__, created, key))


async def _read(
    prepared: Prepared, inputs: PlanInputs, client: Client, progress: Progress, draft: PlanBuilder
) -> None:
    wanted = prepared.wanted.records
    async with client.session(requests=len(wanted)) as session:
        with progress("Reading records", len(wanted), session.traffic) as step:

            def add(address: Address, live: Current | Unreadable) -> None:
                draft.add(address, live)
                step()

            with client.connection.telemetry.span("records.fetch"):
                await read(
                    wanted.values(),
                    session.reading,
                    ReadOptions(
                        client.connection.parallelism,
                        _how(inputs.how, prepared),
                        client.connection.pin,
                    ),
                    add,
                )


def _how(how: ReadMode, prepared: Prepared) -> ReadMode:
    """`each` for few records of a large account, where pages would cost more requests.

    The account holds at least as many records as the manifests name.
    """
    few = len(prepared.wanted.records) * PAGE_RECORDS <= prepared.scope.records
    return "each" if how == "auto" and few else how


class _Found(Struct, frozen=True):
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


def _unknown(past: PastRules) -> Problem:
    where = Source(f"{short_commit(past.commit)}:{SETTINGS_FILE}", 1, 1)
    message = "the rules of this commit cannot be read: no value is shown"
    return Problem(where, "unknown-rules", message, severity("unknown-rules"))


def _pasts(found: _Found, inputs: PlanInputs, repository: Repository | None) -> Sequence[PastRules]:
    if repository is None:
        return ()
    # Both commits: the rules of one alone could lack a `writeOnly` that the other one has.
    commits = (found.revisions.base, found.since)
    tree = inputs.manifests.tree
    return tuple(past_rules(commits, inputs.comparison, repository, tree))


def _left_git(found: _Found, inputs: PlanInputs) -> Mapping[Address, Record]:
    """The records that git does not hold any more, in any manifest.

    A run over some of the manifests looks for them in the others as well: a record that moved to
    another file was not removed.
    """
    manifests = inputs.manifests
    if not (found.gone and manifests.narrowed):
        return found.gone
    sids = {address.sid for address in found.gone}
    moved = found_in(manifests.tree, manifests.settings.manifests, sids, manifests.cache)
    return {address: record for address, record in found.gone.items() if address.sid not in moved}


def _base(found: _Found, record: Record) -> Record | None:
    """The base of a removed record, which was perhaps found at another commit than the base."""
    if found.before is None:
        return None
    if found.before.commit == found.then:
        return record
    # The record was in git at the --since commit and not at the base: it has no base, and a live
    # value is a conflict.
    return found.before.records.get(record.address)


def _still_there(
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


def _past(source: Source, found: _Found) -> Source:
    """A place at a commit, as git writes it: `1a2b3c4:manifests/a.yaml`."""
    return structs.replace(source, file=f"{short_commit(found.then)}:{source.file}")


def _check_choices(
    chosen: Mapping[Address, Record], records: Mapping[Address, Record], comparison: Comparison
) -> None:
    """Raises ReconcilerError for a choice about a record that the plan does not cover."""
    for address in sorted(comparison.choices.keys() - chosen.keys()):
        where = "is left out by --target or --exclude"
        if address not in records:
            where = "is in no manifest"
            if comparison.since is not None:
                where = "is in no manifest that changed since the revision of --since"
        raise ReconcilerError(f"--resolve {address}: {where}")


def _repository(inputs: PlanInputs) -> Repository | None:
    """The repository that the manifests are compared in; None without one, where none is needed."""
    if inputs.comparison.base == NONE and inputs.comparison.since is None:
        # Without a base nothing is compared, and no git process is started.
        return None if not inputs.comparison.with_head else _any_repository(inputs)
    if inputs.comparison.needs_git:
        return at_revision.repository(inputs.manifests)
    return _any_repository(inputs)


def _any_repository(inputs: PlanInputs) -> Repository | None:
    with suppress(NoRepositoryError):
        return at_revision.repository(inputs.manifests)
    return None


def _found(inputs: PlanInputs, rules: Rules, repository: Repository | None, account: str) -> _Found:
    manifests, comparison = inputs.manifests, inputs.comparison
    if comparison.since is not None and repository is not None:
        return _since(inputs, rules, repository, account)
    loaded = manifests.load(rules)
    base = find_base(comparison, repository, account)
    if repository is None or base.commit is None:
        if comparison.only:
            raise UsageError(f"--only needs a base: {base.found_as}; name one with --base")
        revisions = Revisions(
            base_is=base.found_as, head=_asked_head(comparison, repository, manifests)
        )
        return _Found(loaded.records, None, revisions, len(loaded.records), loaded.warnings)
    before, broken = at_revision.at_commit(
        base.commit, repository, manifests, rules, applied=base.applied
    )
    return _Found(
        loaded.records,
        before,
        Revisions(base.commit, base.found_as, _asked_head(comparison, repository, manifests)),
        len(loaded.records),
        (*loaded.warnings, *broken, *at_revision.ignored(repository, manifests)),
        at_revision.released(before, loaded.records),
        base.commit,
    )


def _since(inputs: PlanInputs, rules: Rules, git: Repository, account: str) -> _Found:
    """The records that changed since a revision, which is the base unless --base names another."""
    manifests, comparison = inputs.manifests, inputs.comparison
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
    return _Found(
        at_revision.changed(found.loaded.records, found.history),
        before,
        Revisions(base.commit, base.found_as, _head(git, manifests)),
        found.records,
        warnings,
        at_revision.released(found.history, found.loaded.records),
        commit,
        commit,
    )


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
