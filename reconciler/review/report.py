"""A plan -> the counts, groups, files and owners that every format shows.

Formats neither count nor sort, so that all of them show the same numbers.
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
from reconciler.wording import plural

# The name that stands for the owners of a file without owners.
NO_OWNER = "no owner"


class Share(Struct, frozen=True):
    """The changes of one file or one owner, counted by worst effect."""

    name: str
    """The file or the owner."""
    removes: int
    """Records that lose data."""
    changes: int
    """Records with replaced values that lose nothing."""
    adds: int
    """Records that are only added to."""

    @property
    def records(self) -> int:
        """The number of all its records."""
        return self.removes + self.changes + self.adds


class Key(Struct, frozen=True):
    """One key of the values, with the number of its differences by operation."""

    path: KeyPath
    """The path of the key; the index of every item is 0."""
    adds: int
    """Differences that add it."""
    changes: int
    """Differences that replace its value and lose nothing."""
    removes: int
    """Differences that remove it, or that lose data inside its value."""


class Cause(Struct, frozen=True):
    """A reason why records could not be read, with these records."""

    status: int | None
    """The HTTP status of the answers; None without an answer."""
    reason: str
    """The message of the API, or the error of the transport."""
    records: tuple[Unreadable, ...]
    """The records, in the order of the plan."""


class Report(Struct, frozen=True):
    """A plan with everything that formats show of it."""

    plan: Plan
    """The plan itself."""
    summary: Summary
    """The number of records by state."""
    groups: tuple[Group, ...]
    """All changes in groups, outliers included, in the order in which they are shown."""
    causes: tuple[Cause, ...]
    """Why records could not be read, the reason with the most records first."""
    effects: dict[Effect, int]
    """The number of records by worst effect, all effects included."""
    ops: dict[Op, int]
    """The number of differences by operation; one that loses data counts as `remove`."""
    keys: tuple[Key, ...]
    """The keys that differ, the one with the most differences first."""
    files: tuple[Share, ...]
    """The changes by manifest file, the one with the most records first."""
    owners: tuple[Share, ...]
    """The changes by owner, in the same order; empty if the repository names no owners."""

    @property
    def scope_records(self) -> int:
        """The number of all records of the manifests, also of those that the plan left out."""
        # `scope.records` is 0 by default: without `max`, `per_cent` would divide by zero.
        return max(self.plan.scope.records, self.summary.managed)

    @property
    def per_cent(self) -> float:
        """The changes in per cent of `scope_records`: two decimals, 0 and 100 only if exact."""
        changes, records = self.summary.changes, self.scope_records
        if changes in (0, records):
            return 100.0 if changes else 0.0
        return min(99.99, max(0.01, round(100 * changes / records, 2)))

    @property
    def headline(self) -> str:
        """`4 of 5 records would change (80 %)`; without changes the conflicts, or `no changes`."""
        counts = self.summary
        if counts.changes:
            records = plural(self.scope_records, "record")
            return f"{counts.changes:,} of {records} would change ({self.per_cent:g} %)"
        if counts.conflicts:
            return plural(counts.conflicts, "conflict")
        return (
            "no changes" if self.plan.complete else "no changes in the records that could be read"
        )

    @property
    def outliers(self) -> tuple[Group, ...]:
        """Changes that are similar to too few others, as groups."""
        return tuple(group for group in self.groups if group.outlier)

    @property
    def safe_outlier_count(self) -> int:
        """The number of outliers that lose no data; the others are listed by `removals`."""
        return sum(one.count for one in self.outliers if one.effect is not Effect.REMOVES)

    @property
    def similar_groups(self) -> tuple[Group, ...]:
        """Groups with enough changes to be shown as a group."""
        return tuple(group for group in self.groups if not group.outlier)

    @property
    def refused(self) -> tuple[GuardResult, ...]:
        """The results of the guards that refuse an apply of this plan."""
        return tuple(guard_result for guard_result in self.plan.guards if not guard_result.ok)

    @property
    def members(self) -> list[tuple[Change, tuple[Difference, ...]]]:
        """Every change with its differences, in order of address."""
        found = [member for group in self.groups for member in group.members]
        return sorted(found, key=lambda member: member[0].address)

    def removals(self) -> Iterator[tuple[Change, tuple[Difference, ...]]]:
        """Every change that loses data with its differences, losses first; in order of groups."""
        for group in self.groups:
            if group.effect is Effect.REMOVES:
                for one in group.variants:
                    # Once for each variant: `loses` may have to walk through both values.
                    differences = losses_first(one.differences)
                    yield from ((change, differences) for change in one.changes)


def make_report(plan: Plan, owners: Owners | None = None) -> Report:
    """The report on a plan; without `owners` it has no shares by owner."""
    owned = owners or Owners()
    all_groups = groups(plan)
    effects: Counter[Effect] = Counter()
    ops: Counter[Op] = Counter()
    keys: dict[KeyPath, Counter[Op]] = {}
    files: dict[str, Counter[Effect]] = {}
    for group in all_groups:
        effects[group.effect] += group.count
        for one in group.variants:
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
        # Without rules, a table of owners would list each file under `no owner`.
        owners=_shares(_by_owner(files, owned)) if owned else (),
    )


def file_of(change: Change) -> str:
    """The manifest file of a change; of a record that was removed from git, the file it was in."""
    # A released record has its place at a commit (`1a2b3c4:manifests/a.yaml`): CODEOWNERS
    # matches the path without the commit.
    file = change.source.file
    return file.partition(":")[2] if change.released else file


def owners_of(file: str, owners: Owners) -> tuple[str, ...]:
    """The owners of a file; `("no owner",)` if it has none."""
    return owners.of(file) or (NO_OWNER,)


def _by_owner(files: dict[str, Counter[Effect]], owners: Owners) -> dict[str, Counter[Effect]]:
    """The counts by owner; a file with several owners counts in full for each of them."""
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
    """Shares, those with the most records first, then by name."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return tuple(
        Share(name, count[Effect.REMOVES], count[Effect.CHANGES], count[Effect.ADDS])
        for name, count in ordered
    )


def _rank(key: tuple[KeyPath, Counter[Op]]) -> tuple[int, str]:
    # `repr`: a path mixes keys and indexes, and Python does not compare str with int.
    return -key[1].total(), repr(key[0])
