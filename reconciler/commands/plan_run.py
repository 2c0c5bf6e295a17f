"""Records and the live account -> a plan: shared by `plan`, `apply` and every other caller.

Nothing here prints, reads the working folder or keeps state: a caller can run it any number of
times, with one client and one event loop.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct, structs

from reconciler import __version__
from reconciler.client.connection import Client
from reconciler.client.fetch import ReadMode, ReadOptions, read
from reconciler.client.fetch_pages import PAGE_RECORDS
from reconciler.commands.plan_sources import (
    PlanSources,
    base_of,
    place_then,
    removed_from_git,
    repository_of,
    sources_of,
    still_held,
)
from reconciler.errors import ReconcilerError
from reconciler.git import Repository
from reconciler.manifests import left_out
from reconciler.manifests.loader import Manifests
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.rule_catalog import severity
from reconciler.manifests.settings import FILE as SETTINGS_FILE
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
from reconciler.planning.base_revision import Comparison, past_rules
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
    manifests, comparison, selection = inputs.manifests, inputs.comparison, inputs.selection
    repository = repository_of(manifests, comparison)
    if repository is not None:
        manifests = left_out.with_left_out(repository, manifests)
    rules = Rules(manifests.settings, manifests.tree)
    account = client.connection.account
    with client.connection.telemetry.span("manifests.load"):
        found = sources_of(manifests, comparison, rules, repository, account)
    gone = removed_from_git(found, manifests)
    everything = {**found.records, **gone} if gone else found.records
    # With --since unchanged records are not loaded: a pattern that matches none is no error.
    chosen = select(everything, selection, strict=found.since is None)
    _check_choices(chosen, everything, comparison)
    gone = {address: record for address, record in gone.items() if address in chosen}
    there = still_held(gone, manifests, repository)
    cleared = {
        address: Removed(base_of(found, record), place_then(record.source, found))
        for address, record in gone.items()
        if rules.clears(record) and record.source.file not in there
    }
    left = sorted(gone.keys() - cleared.keys())
    for address in left:
        # Otherwise the value of the old commit would be written to a record that git released.
        del chosen[address]
    past = _rules_of_the_past(found, inputs, repository)
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
        tuple(Released(address, place_then(gone[address].source, found)) for address in left),
        found.revisions,
        Scope(
            # max_change_percent counts cleared records as losses, so the whole contains them too.
            found.count + len(cleared),
            found.since,
            manifests.narrowed,
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


def _rules_of_the_past(
    found: PlanSources, inputs: PlanInputs, repository: Repository | None
) -> Sequence[PastRules]:
    if repository is None:
        return ()
    # Both commits: the rules of one alone could lack a `writeOnly` that the other one has.
    commits = (found.revisions.base, found.since)
    return tuple(past_rules(commits, inputs.comparison, repository, inputs.manifests.tree))


def _unknown(past: PastRules) -> Problem:
    where = Source(f"{short_commit(past.commit)}:{SETTINGS_FILE}", 1, 1)
    message = "the rules of this commit cannot be read: no value is shown"
    return Problem(where, "unknown-rules", message, severity("unknown-rules"))


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
