"""Records + the API -> a plan; what `plan` and `apply` do alike."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from msgspec import Struct, structs

from reconciler import __version__, history, policies
from reconciler.commands import Terminal
from reconciler.commands.comparing import Comparison, base_commit
from reconciler.commands.inputs import Manifests, Selection, select
from reconciler.commands.opening import Connection, open_api
from reconciler.draft import Draft
from reconciler.fetch.read import How, read
from reconciler.fetch.sweep import PAGE_RECORDS
from reconciler.history import History
from reconciler.loading import Loaded
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
    Unreadable,
)
from reconciler.plan import Wanted
from reconciler.render import problems
from reconciler.revision import Repository
from reconciler.rules import Rules
from reconciler.transport.readonly import ReadOnly


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
    """The records that a run may be about, among the manifests' `count`."""

    records: Mapping[Address, Record]
    gone: Mapping[Address, Record]
    before: History | None
    revisions: Revisions
    count: int
    warnings: tuple[Problem, ...]
    since: str | None = None


def task(inputs: Inputs, terminal: Terminal) -> Task:
    """The records that the inputs name; warnings are said, problems raised."""
    rules = Rules(inputs.manifests.settings)
    with inputs.connection.telemetry.span("manifests.load"):
        found = _found(inputs, rules)
    for line in problems.text(found.warnings, terminal.paint):
        terminal.note(line)
    chosen = select(
        {**found.records, **found.gone} if found.gone else found.records,
        inputs.selection,
        strict=found.since is None,
    )
    gone = {address: record for address, record in found.gone.items() if address in chosen}
    cleared = {address for address, record in gone.items() if rules.clears(record)}
    left = sorted(gone.keys() - cleared)
    for address in left:
        del chosen[address]
    comparison, selection = inputs.comparison, inputs.selection
    return Task(
        Wanted(
            chosen,
            None if found.before is None else found.before.before,
            cleared,
            rules.mode,
            rules.sensitive,
            comparison.choices,
            comparison.only,
        ),
        tuple(Released(address, gone[address].source) for address in left),
        found.revisions,
        Scope(found.count, found.since, selection.target, selection.exclude, comparison.only),
    )


def _found(inputs: Inputs, rules: Rules) -> _Found:
    manifests, comparison = inputs.manifests, inputs.comparison
    if not (comparison.asked or comparison.notes_head):
        loaded = manifests.load(rules)
        return _Found(loaded.records, {}, None, Revisions(), len(loaded.records), loaded.warnings)
    git = history.repository(manifests.paths)
    if comparison.since is not None:
        return _since(comparison.since, inputs, rules, git)
    loaded = manifests.load(rules)
    if comparison.base is None:
        head = _head(git, manifests)
        return _all(loaded, None, Revisions(head=head), loaded.warnings)
    commit, words = base_commit(comparison, git)
    before, broken = history.at_commit(commit, git, manifests.paths, manifests.cache)
    revisions = Revisions(commit, words, _head(git, manifests))
    return _all(loaded, before, revisions, (*loaded.warnings, *broken))


def _all(
    loaded: Loaded, before: History | None, revisions: Revisions, warnings: tuple[Problem, ...]
) -> _Found:
    gone = {} if before is None else history.released(before, loaded.records)
    return _Found(loaded.records, gone, before, revisions, len(loaded.records), warnings)


def _since(name: str, inputs: Inputs, rules: Rules, git: Repository) -> _Found:
    """The records that changed since a revision, which is the base unless another one is named."""
    manifests, comparison = inputs.manifests, inputs.comparison
    # `--since auto` is found just as `--base auto` is.
    since, words = base_commit(structs.replace(comparison, base=name), git)
    found = history.since_commit(since, git, manifests.paths, rules, manifests.cache)
    base, before, warnings = since, found.history, found.loaded.warnings
    if comparison.base is not None:
        base, words = base_commit(comparison, git)
    if base != since:
        before, broken = history.at_commit(base, git, manifests.paths, manifests.cache)
        warnings = (*warnings, *broken)
    return _Found(
        history.changed(found.loaded.records, found.history),
        history.released(found.history, found.loaded.records),
        before,
        Revisions(base, words, _head(git, manifests)),
        found.records,
        warnings,
        since,
    )


def _head(git: Repository, manifests: Manifests) -> str | None:
    """The commit that the manifests are, None where they are not just those of HEAD."""
    head = git.known("HEAD")
    if head is None or not history.is_commit(git, head, manifests.paths):
        return None
    return head


async def make(task: Task, inputs: Inputs, terminal: Terminal) -> Plan:
    """The plan of a task, read through a client that cannot write, with what the guards say."""
    wanted = task.wanted.records
    draft = Draft(inputs.connection.target.base_url, task.wanted)
    async with open_api(inputs.connection, terminal, records=len(wanted)) as link:
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
    plan = structs.replace(
        draft.plan(), released=task.released, revisions=task.revisions, scope=task.scope
    )
    limits = structs.asdict(inputs.manifests.settings.guards)
    return structs.replace(
        plan, guards=policies.judge(plan, limits, inputs.allowed), meta=_meta(plan)
    )


def _how(how: How, task: Task) -> How:
    """Few of many records are cheaper asked for: so many the account has at the least."""
    few = len(task.wanted.records) * PAGE_RECORDS <= task.scope.records
    return "each" if how == "auto" and few else how


def _meta(plan: Plan) -> Meta:
    key = secrets.token_hex(16) if plan.sensitive else ""
    return Meta(__version__, datetime.now(UTC).isoformat(timespec="seconds"), key)
