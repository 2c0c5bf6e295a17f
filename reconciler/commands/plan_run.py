"""Records + the API -> a plan; what `plan` and `apply` do alike."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct, structs

from reconciler.client.fetch import How, read
from reconciler.client.fetch_pages import PAGE_RECORDS
from reconciler.client.read_only import ReadOnly
from reconciler.commands.opening import Connection, open_api
from reconciler.commands.plan_output import meta
from reconciler.commands.terminal import Terminal
from reconciler.errors import ReconcilerError
from reconciler.git import Repository
from reconciler.manifests import at_revision
from reconciler.manifests.at_revision import History
from reconciler.manifests.discovery import find
from reconciler.manifests.loader import Manifests
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.sid_index import found_in
from reconciler.model import (
    Address,
    Current,
    Plan,
    Problem,
    Record,
    Released,
    Revisions,
    Scope,
    Source,
    Unreadable,
    short,
)
from reconciler.planning import guards, redaction
from reconciler.planning.base_revision import Comparison, base_commit
from reconciler.planning.base_revision import pasts as pasts_of
from reconciler.planning.builder import Draft
from reconciler.planning.compare import Cleared, Wanted
from reconciler.planning.redaction import Past
from reconciler.planning.selection import Selection, select
from reconciler.review import problems_text


class Inputs(Struct, frozen=True):
    """What a plan is made of; `allowed` are the limits of guards that are raised for this once."""

    manifests: Manifests
    connection: Connection
    selection: Selection = Selection()
    how: How = "auto"
    comparison: Comparison = Comparison()
    allowed: Mapping[str, int] = MappingProxyType({})


class Task(Struct, frozen=True):
    """What a plan is to bring about, and all that it says of itself."""

    wanted: Wanted
    released: tuple[Released, ...]
    revisions: Revisions
    scope: Scope


class _Found(Struct, frozen=True):
    """The records that a run may be about, among the manifests' `count`.

    `gone` are those that git held at the commit `then`, and holds no more.
    """

    records: Mapping[Address, Record]
    before: History | None
    revisions: Revisions
    count: int
    warnings: tuple[Problem, ...]
    gone: Mapping[Address, Record] = MappingProxyType({})
    then: str = ""
    since: str | None = None


def task(inputs: Inputs, terminal: Terminal) -> Task:
    """The records that the inputs name; warnings are said, problems raised."""
    rules = Rules(inputs.manifests.settings)
    with inputs.connection.telemetry.span("manifests.load"):
        found = _found(inputs, rules)
    for line in problems_text.text(found.warnings, terminal.paint):
        terminal.note(line)
    gone = _left_git(found, inputs)
    everything = {**found.records, **gone} if gone else found.records
    _check_choices(everything, inputs.comparison, strict=found.since is None)
    chosen = select(everything, inputs.selection, strict=found.since is None)
    gone = {address: record for address, record in gone.items() if address in chosen}
    cleared = {
        address: Cleared(_base(found, record), _past(record.source, found))
        for address, record in gone.items()
        if rules.clears(record)
    }
    left = sorted(gone.keys() - cleared.keys())
    for address in left:
        del chosen[address]
    comparison, selection = inputs.comparison, inputs.selection
    pasts = _pasts(found, inputs)
    for past in pasts:
        if not past.is_known:
            terminal.note(
                f"warning: what the rules of {short(past.commit)} hid cannot be read: no value is "
                "shown"
            )
    return Task(
        Wanted(
            chosen,
            None if found.before is None else found.before.before,
            cleared,
            rules.mode,
            redaction.by(rules, pasts),
            comparison.choices,
            comparison.only,
        ),
        tuple(Released(address, _past(gone[address].source, found)) for address in left),
        found.revisions,
        Scope(
            found.count + len(cleared),
            found.since,
            inputs.manifests.narrowed,
            selection.target,
            selection.exclude,
            comparison.only,
        ),
    )


def _pasts(found: _Found, inputs: Inputs) -> Sequence[Past]:
    if found.revisions.base is None:
        return ()
    git, commits = (
        at_revision.repository(inputs.manifests.paths),
        (found.revisions.base, found.since),
    )
    return tuple(pasts_of(commits, inputs.comparison, git))


def _left_git(found: _Found, inputs: Inputs) -> Mapping[Address, Record]:
    """The records that git holds no more, in no manifest, also where not all are named."""
    if not (found.gone and inputs.manifests.narrowed):
        return found.gone
    named = [Path(name) for name in inputs.manifests.settings.manifests]
    sids = {address.sid for address in found.gone}
    moved = found_in(find(named), sids, inputs.manifests.cache)
    return {address: record for address, record in found.gone.items() if address.sid not in moved}


def _base(found: _Found, record: Record) -> Record | None:
    """What the base held of a record that is gone; it was found at another commit, perhaps."""
    if found.before is None or found.before.commit == found.then:
        return record
    return found.before.records.get(record.address)


def _past(source: Source, found: _Found) -> Source:
    """A place as it was at a commit, in git's own words: `1a2b3c4:manifests/a.yaml`."""
    return structs.replace(source, file=f"{short(found.then)}:{source.file}")


def _check_choices(
    records: Mapping[Address, Record], comparison: Comparison, *, strict: bool
) -> None:
    unknown = [address for address in comparison.choices if address not in records]
    if strict and unknown:
        raise ReconcilerError(f"--resolve {min(unknown)}: is in no manifest")


def _found(inputs: Inputs, rules: Rules) -> _Found:
    manifests, comparison = inputs.manifests, inputs.comparison
    if not comparison.asked:
        loaded = manifests.load(rules)
        head = Revisions(head=_head_if_any(manifests)) if comparison.notes_head else Revisions()
        return _Found(loaded.records, None, head, len(loaded.records), loaded.warnings)
    git = at_revision.repository(manifests.paths)
    if comparison.since is not None:
        return _since(comparison.since, inputs, rules, git)
    loaded = manifests.load(rules)
    commit, words = base_commit(comparison, git)
    before, broken = at_revision.at_commit(commit, git, manifests.paths, rules, manifests.cache)
    return _Found(
        loaded.records,
        before,
        Revisions(commit, words, _head(git, manifests)),
        len(loaded.records),
        (*loaded.warnings, *broken),
        at_revision.released(before, loaded.records),
        commit,
    )


def _since(name: str, inputs: Inputs, rules: Rules, git: Repository) -> _Found:
    """The records that changed since a revision, which is the base unless another one is named."""
    manifests, comparison = inputs.manifests, inputs.comparison
    # `--since auto` is found just as `--base auto` is.
    since, words = base_commit(structs.replace(comparison, base=name), git)
    found = at_revision.since_commit(since, git, manifests.paths, rules, manifests.cache)
    base, before, warnings = since, found.history, found.loaded.warnings
    if comparison.base is not None:
        base, words = base_commit(comparison, git)
    if base != since:
        before, broken = at_revision.at_commit(base, git, manifests.paths, rules, manifests.cache)
        warnings = (*warnings, *broken)
    return _Found(
        at_revision.changed(found.loaded.records, found.history),
        before,
        Revisions(base, words, _head(git, manifests)),
        found.records,
        warnings,
        at_revision.released(found.history, found.loaded.records),
        since,
        since,
    )


def _head_if_any(manifests: Manifests) -> str | None:
    """The commit that the manifests are, where there is git at all."""
    with suppress(ReconcilerError):
        return _head(at_revision.repository(manifests.paths), manifests)
    return None


def _head(git: Repository, manifests: Manifests) -> str | None:
    """The commit that the manifests are, None where they are not just those of HEAD."""
    head = git.known("HEAD")
    if head is None or not at_revision.is_commit(git, head, manifests.paths):
        return None
    return head


async def make(task: Task, inputs: Inputs, terminal: Terminal) -> Plan:
    """The plan of a task, read through a client that cannot write, with what the guards say."""
    draft = Draft(inputs.connection.target.base_url, task.wanted)
    if task.wanted.records:  # else no token is needed either
        await _read(task, inputs, terminal, draft)
    plan = structs.replace(
        draft.plan(), released=task.released, revisions=task.revisions, scope=task.scope
    )
    limits = structs.asdict(inputs.manifests.settings.guards)
    return structs.replace(plan, guards=guards.judge(plan, limits, inputs.allowed), meta=meta(plan))


async def _read(task: Task, inputs: Inputs, terminal: Terminal, draft: Draft) -> None:
    wanted = task.wanted.records
    async with open_api(inputs.connection, terminal, requests=len(wanted)) as link:
        with terminal.progress("Reading records", len(wanted), link.traffic) as step:

            def add(address: Address, live: Current | Unreadable) -> None:
                draft.add(address, live)
                step()

            with inputs.connection.telemetry.span("records.fetch"):
                await read(
                    wanted.values(),
                    ReadOnly(link.transport),
                    how=_how(inputs.how, task),
                    parallelism=inputs.connection.parallelism,
                    on_read=add,
                )


def _how(how: How, task: Task) -> How:
    """Few of many records are cheaper asked for: so many the account has at the least."""
    few = len(task.wanted.records) * PAGE_RECORDS <= task.scope.records
    return "each" if how == "auto" and few else how
