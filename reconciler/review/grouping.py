"""Changes -> groups of similar changes, so that a reviewer can judge thousands of them.

Equal changes are grouped first. The others are grouped by shape: the same keys added, replaced and
removed, with different values. A change that is in no group is an outlier; mistakes are often
outliers.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from itertools import count

from msgspec import Struct, structs

from reconciler.model import Action, Address, Change, Conflict, Plan
from reconciler.values.diff import Difference, Op, differences
from reconciler.values.json_pointer import KeyPath
from reconciler.values.masking import Mask, mask_for, unique_text

# Fewer changes than this are faster to read one by one.
MIN_GROUP_SIZE = 4

_DIGEST_CHARS = 12


class Effect(StrEnum):
    """The worst effect of a change on the value of a record."""

    REMOVES = "removes"
    """A key, an item or a whole value is lost."""
    CHANGES = "changes"
    """A value is replaced, and nothing is lost."""
    ADDS = "adds"
    """Keys or items are added, or an empty field is filled."""


class Variant(Struct, frozen=True):
    """Changes with exactly the same differences."""

    differences: tuple[Difference, ...]
    """The differences of each change, in order of path."""
    changes: tuple[Change, ...]
    """The changes, in order of address."""
    effect: Effect
    """The worst effect of each change."""


class Group(Struct, frozen=True):
    """Similar changes: equal ones, or ones of the same shape."""

    number: int
    """Counts from 1 within a plan, outliers after all other groups."""
    digest: str
    """12 hexadecimal digits that identify the group by its differences, from plan to plan.

    They depend neither on the number of the group nor on its records.
    """
    effect: Effect
    """The worst effect of each change."""
    variants: tuple[Variant, ...]
    """One variant if all changes are equal, otherwise several."""

    @property
    def name(self) -> str:
        """`G3`: the name that reports and reviewers use."""
        return f"G{self.number}"

    @property
    def count(self) -> int:
        """The number of its changes, which is the number of records."""
        return sum(len(one.changes) for one in self.variants)

    @property
    def members(self) -> list[tuple[Change, tuple[Difference, ...]]]:
        """Its changes in order of address, each with its differences."""
        found = [(change, one.differences) for one in self.variants for change in one.changes]
        return found if self.exact else sorted(found, key=lambda member: member[0].address)

    @property
    def files(self) -> int:
        """The number of manifest files that its records are in."""
        return len({change.source.file for change, _ in self.members})

    @property
    def first(self) -> Change:
        """Its change with the lowest address."""
        return min((one.changes[0] for one in self.variants), key=lambda change: change.address)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The differences of its changes; if it has several variants, those of the first one."""
        return self.variants[0].differences

    @property
    def exact(self) -> bool:
        """Whether all of its changes are equal."""
        return len(self.variants) == 1

    @property
    def outlier(self) -> bool:
        """Whether it has too few changes (less than `MIN_GROUP_SIZE`) to be shown as a group."""
        return self.count < MIN_GROUP_SIZE


def mask_of(plan: Plan, item: Change | Conflict) -> Mask | None:
    """The mask for the sensitive values of a record; None if it has none."""
    if not item.sensitive:
        return None
    live = item.before if isinstance(item, Change) else item.live
    return mask_for(item.sensitive, plan.meta.fingerprint_key.encode(), item.address, live)


def groups(plan: Plan) -> tuple[Group, ...]:
    """The changes of a plan in groups; every change is in exactly one of them.

    Groups that lose data come first, and among them the outliers: a loss that many records share
    is more often intended. The other groups follow by size, the largest first.
    """
    same: dict[str, tuple[tuple[Difference, ...], list[Change]]] = {}
    for change in plan.changes:
        found = differences(change.before, change.after, mask_of(plan, change))
        same.setdefault(_equality_key(change, found), (found, []))[1].append(change)
    gathered: list[tuple[str, tuple[Variant, ...]]] = [
        (key, (_variant(found, changes),))
        for key, (found, changes) in same.items()
        if len(changes) >= MIN_GROUP_SIZE
    ]
    few = [
        (key, _variant(found, changes))
        for key, (found, changes) in same.items()
        if len(changes) < MIN_GROUP_SIZE
    ]
    # Only rare changes are grouped by shape: one that is nearly like the equal changes of a
    # group must not disappear among them.
    gathered += _by_shape(few)
    ordered = sorted((_unnumbered(key, alike) for key, alike in gathered), key=_rank)
    # Outliers are numbered last: a format that lists them record by record shows no gap in the
    # names of the other groups.
    alike = count(1)
    outliers = count(1 + sum(not group.outlier for group in ordered))
    return tuple(
        structs.replace(group, number=next(outliers if group.outlier else alike))
        for group in ordered
    )


def _variant(found: tuple[Difference, ...], changes: list[Change]) -> Variant:
    return Variant(found, tuple(changes), effect(changes[0], found))


def _by_shape(few: Iterable[tuple[str, Variant]]) -> list[tuple[str, tuple[Variant, ...]]]:
    """Rare variants with their keys: grouped by shape if that makes a group, otherwise alone."""
    shapes: dict[str, list[tuple[str, Variant]]] = {}
    for key, alike in few:
        shapes.setdefault(_shape(alike), []).append((key, alike))
    gathered: list[tuple[str, tuple[Variant, ...]]] = []
    for shape, rows in shapes.items():
        if sum(len(alike.changes) for _, alike in rows) >= MIN_GROUP_SIZE:
            gathered.append((shape, tuple(alike for _, alike in rows)))
        else:
            gathered += ((key, (alike,)) for key, alike in rows)
    return gathered


def _unnumbered(key: str, alike: tuple[Variant, ...]) -> Group:
    # A JSON text may hold lone surrogates (RFC 8259, 8.2), for which UTF-8 has no bytes.
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return Group(0, digest, alike[0].effect, alike)


def _rank(group: Group) -> tuple[bool, bool, int, Address]:
    removes = group.effect is Effect.REMOVES
    return not removes, removes and not group.outlier, -group.count, group.first.address


def effect(change: Change, found: Iterable[Difference]) -> Effect:
    """The worst effect of a change with these differences; a cleared field loses its value."""
    places_found = tuple(found)
    if change.action is Action.CLEAR or any(difference.loses for difference in places_found):
        return Effect.REMOVES
    replaces = any(difference.op == "replace" for difference in places_found)
    # An empty text that gets a value is a `replace` of the field, but it only fills the field.
    return Effect.CHANGES if replaces and change.before else Effect.ADDS


def _equality_key(change: Change, found: Iterable[Difference]) -> str:
    """A key that only equal changes share: action, origin, and every difference with its values."""
    parts = _kind_of(change)
    for difference in found:
        parts += (
            difference.op,
            repr(difference.path),
            unique_text(difference.before),
            unique_text(difference.after),
        )
    # JSON and `repr` escape NUL, so that different parts are never joined to the same key.
    return "\0".join(parts)


def _shape(alike: Variant) -> str:
    """A key like `_equality_key` without the values; all items of a list count as the same item.

    A change that loses data never has the shape of one that does not.
    """
    parts = [*_kind_of(alike.changes[0]), alike.effect]
    ways = {
        (difference.op, repr(with_any_item(difference.path))) for difference in alike.differences
    }
    return "\0".join([*parts, *(part for way in sorted(ways) for part in way)])


def _kind_of(change: Change) -> list[str]:
    # A reviewer judges drift and changes of this revision differently: never in one group.
    return [change.action, change.origin, "released" if change.released else ""]


class KeyChange(Struct, frozen=True):
    """The differences that a group has at one key."""

    op: Op
    """The operation, which is the same in all records of the group."""
    path: KeyPath
    """The path of the key; if the group has several variants, the index of every item is 0."""
    values: int
    """The number of distinct pairs of old and new value."""
    difference: Difference
    """The first of the differences, as an example."""
    loses: bool
    """Whether any of the differences loses data."""


def key_changes(group: Group) -> tuple[KeyChange, ...]:
    """The differences of a group, key by key: losses first, then in order of path."""
    if group.exact:
        return tuple(
            KeyChange(difference.op, difference.path, 1, difference, difference.loses)
            for difference in losses_first(group.differences)
        )
    found: dict[tuple[Op, KeyPath], list[Difference]] = {}
    for one in group.variants:
        for difference in one.differences:
            found.setdefault((difference.op, with_any_item(difference.path)), []).append(difference)
    changes_by_key = (
        KeyChange(
            op,
            path,
            len(
                {
                    (unique_text(difference.before), unique_text(difference.after))
                    for difference in of_key
                }
            ),
            of_key[0],
            any(difference.loses for difference in of_key),
        )
        for (op, path), of_key in found.items()
    )
    return tuple(sorted(changes_by_key, key=lambda one: not one.loses))


def losses_first(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """Differences with those that lose data first, otherwise in the same order.

    A format that has to shorten the list then leaves out no loss.
    """
    return tuple(sorted(found, key=lambda difference: not difference.loses))


def with_any_item(path: KeyPath) -> KeyPath:
    """A path with the index of every item replaced by 0: `("tags", 2)` becomes `("tags", 0)`."""
    return tuple(0 if isinstance(step, int) else step for step in path)
