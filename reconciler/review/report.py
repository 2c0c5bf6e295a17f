"""Plan -> what every format tells of it: counts, groups, and whose records they are.

No format counts or sorts for itself.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from reconciler.model import Change, GuardResult, Plan, Unreadable
from reconciler.planning.summary import Summary, summarize
from reconciler.review.codeowners import Owners
from reconciler.review.grouping import Effect, Group, groups, losses_first, with_any_item
from reconciler.values.diff import Difference, Op
from reconciler.values.json_pointer import KeyPath

NO_OWNER = "no owner"


class Share(Struct, frozen=True):
    """The changes of one file, or of one owner: how many records, by the worst done to them."""

    name: str
    removes: int
    changes: int
    adds: int

    @property
    def records(self) -> int:
        """All of them."""
        return self.removes + self.changes + self.adds


class Key(Struct, frozen=True):
    """One key of the values, any item of a list being 0: in how many places what is done to it."""

    path: KeyPath
    adds: int
    changes: int
    removes: int


class Cause(Struct, frozen=True):
    """Why records could not be read, and which: the status of the answer, if there was one."""

    status: int | None
    reason: str
    records: tuple[Unreadable, ...]


class Report(Struct, frozen=True):
    """All that is told of a plan.

    `causes` come with the most records first. `effects` counts records by the worst that is done
    to each, `keys` the places by what is done to them. `scope_records` are all records of the
    manifests that the plan was chosen from.
    """

    plan: Plan
    summary: Summary
    groups: tuple[Group, ...]
    causes: tuple[Cause, ...]
    effects: dict[Effect, int]
    ops: dict[Op, int]
    keys: tuple[Key, ...]
    files: tuple[Share, ...]
    owners: tuple[Share, ...]

    @property
    def scope_records(self) -> int:
        """How many records there are that could have changed."""
        return max(self.plan.scope.records, self.summary.managed)

    @property
    def per_cent(self) -> float:
        """The part of all managed records that is written: two decimals, no false 0 or 100."""
        changes, records = self.summary.changes, self.scope_records
        if changes in (0, records):
            return 100.0 if changes else 0.0
        return min(99.99, max(0.01, round(100 * changes / records, 2)))

    @property
    def headline(self) -> str:
        """`5,000 of 12,001 records change (41.66 %)`: what is read first."""
        counts = self.summary
        if counts.changes:
            records = f"{self.scope_records:,} {'record' if self.scope_records == 1 else 'records'}"
            verb = "changes" if counts.changes == 1 else "change"
            return f"{counts.changes:,} of {records} {verb} ({self.per_cent:g} %)"
        if counts.conflicts:
            return "1 conflict" if counts.conflicts == 1 else f"{counts.conflicts:,} conflicts"
        return "no changes" if self.plan.complete else "no changes, as far as records could be read"

    @property
    def outliers(self) -> tuple[Group, ...]:
        """Changes that are like no others."""
        return tuple(group for group in self.groups if group.outlier)

    @property
    def unlike(self) -> int:
        """How many records are like no others, those that lose something not counted."""
        return sum(one.count for one in self.outliers if one.effect is not Effect.REMOVES)

    @property
    def alike(self) -> tuple[Group, ...]:
        """Groups of enough changes to be told as one."""
        return tuple(group for group in self.groups if not group.outlier)

    @property
    def refused(self) -> tuple[GuardResult, ...]:
        """The guards that stop an apply of this plan."""
        return tuple(verdict for verdict in self.plan.guards if not verdict.ok)

    @property
    def members(self) -> list[tuple[Change, tuple[Difference, ...]]]:
        """Every change with the places that differ, in order of address."""
        found = [member for group in self.groups for member in group.members]
        return sorted(found, key=lambda member: member[0].address)

    def removals(self) -> Iterator[tuple[Change, tuple[Difference, ...]]]:
        """Every record that loses something and all that is done to it: what is lost first."""
        for group in self.groups:
            if group.effect is Effect.REMOVES:
                for one in group.alike:
                    differences = losses_first(one.differences)
                    yield from ((change, differences) for change in one.changes)


def make_report(plan: Plan, owners: Owners | None = None) -> Report:
    """What is told of a plan, in one pass over its changes and one over its groups."""
    owned = owners or Owners()
    all_groups = groups(plan)
    effects: Counter[Effect] = Counter()
    ops: Counter[Op] = Counter()
    keys: dict[KeyPath, Counter[Op]] = {}
    files: dict[str, Counter[Effect]] = {}
    for group in all_groups:
        effects[group.effect] += group.count
        for one in group.alike:
            for difference in one.differences:
                op: Op = "remove" if difference.loses else difference.op
                ops[op] += len(one.changes)
                keys.setdefault(with_any_item(difference.path), Counter())[op] += len(one.changes)
            for change in one.changes:
                files.setdefault(file_of(change), Counter())[group.effect] += 1
    return Report(
        plan=plan,
        summary=summarize(plan),
        groups=all_groups,
        causes=_causes(plan.unreadable),
        effects={effect: effects[effect] for effect in Effect},
        ops={"add": ops["add"], "replace": ops["replace"], "remove": ops["remove"]},
        keys=tuple(
            Key(path, count["add"], count["replace"], count["remove"])
            for path, count in sorted(keys.items(), key=_rank)
        ),
        files=_shares(files),
        owners=_shares(_by_owner(files, owned)) if owned else (),
    )


def file_of(change: Change) -> str:
    """The manifest of a change; of a record that left git, the one that it was in."""
    file = change.source.file
    return file.partition(":")[2] if change.released else file


def owners_of(file: str, owners: Owners) -> tuple[str, ...]:
    """Who owns a file, if only in a word."""
    return owners.of(file) or (NO_OWNER,)


def _by_owner(files: dict[str, Counter[Effect]], owners: Owners) -> dict[str, Counter[Effect]]:
    """Of a file with several owners each one has all of it."""
    shares: dict[str, Counter[Effect]] = {}
    for file, counts in files.items():
        for owner in owners_of(file, owners):
            shares.setdefault(owner, Counter()).update(counts)
    return shares


def _causes(unreadable: Iterable[Unreadable]) -> tuple[Cause, ...]:
    found: dict[tuple[int | None, str], list[Unreadable]] = {}
    for one in unreadable:
        found.setdefault((one.status, one.reason), []).append(one)
    causes = (Cause(status, reason, tuple(lost)) for (status, reason), lost in found.items())
    return tuple(sorted(causes, key=lambda cause: -len(cause.records)))


def _shares(counts: dict[str, Counter[Effect]]) -> tuple[Share, ...]:
    """Those with the most records first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return tuple(
        Share(name, count[Effect.REMOVES], count[Effect.CHANGES], count[Effect.ADDS])
        for name, count in ordered
    )


def _rank(key: tuple[KeyPath, Counter[Op]]) -> tuple[int, str]:
    return -key[1].total(), repr(key[0])
