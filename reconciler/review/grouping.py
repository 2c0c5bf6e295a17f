"""Changes -> groups of those that are alike, so that thousands can be judged at a glance.

First those that do exactly the same; what is left by its shape: the same keys added, changed and
removed, with other values. What is still alone is an outlier, and that is where mistakes hide.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from itertools import count

from msgspec import Struct, structs

from reconciler.model import Action, Address, Change, Conflict, Plan
from reconciler.values.diff import Difference, Op, differences
from reconciler.values.json_pointer import KeyPath
from reconciler.values.masking import Mask, unique_text

# Fewer changes are read quicker one by one.
MIN_GROUP_SIZE = 4

_DIGEST_CHARS = 12


class Effect(StrEnum):
    """The worst that a change does to what a record holds."""

    REMOVES = "removes"
    CHANGES = "changes"
    ADDS = "adds"


class Variant(Struct, frozen=True):
    """Changes that do exactly the same to the same places, in order of address."""

    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    effect: Effect


class Group(Struct, frozen=True):
    """Changes of one kind: `alike` has one member where all do the same, else one a variant.

    `number` counts from 1 within a plan, outliers after all others; `digest` (12 hexadecimal
    digits) stays the same from plan to plan as long as the group does what it does, whatever its
    number and its records.
    """

    number: int
    digest: str
    effect: Effect
    alike: tuple[Variant, ...]

    @property
    def name(self) -> str:
        """`G3`, as a reviewer quotes it."""
        return f"G{self.number}"

    @property
    def count(self) -> int:
        """How many records it changes."""
        return sum(len(one.changes) for one in self.alike)

    @property
    def members(self) -> list[tuple[Change, tuple[Difference, ...]]]:
        """Its changes, in order of address, each with the places that differ."""
        found = [(change, one.differences) for one in self.alike for change in one.changes]
        return found if self.exact else sorted(found, key=lambda member: member[0].address)

    @property
    def files(self) -> int:
        """In how many manifests they are written."""
        return len({change.source.file for change, _ in self.members})

    @property
    def first(self) -> Change:
        """Its change of the first address."""
        return min((one.changes[0] for one in self.alike), key=lambda change: change.address)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What it does; of a group of several variants, what the first of them does."""
        return self.alike[0].differences

    @property
    def exact(self) -> bool:
        """Whether all of its changes do the same."""
        return len(self.alike) == 1

    @property
    def outlier(self) -> bool:
        """Whether too few changes are like this to be told as one."""
        return self.count < MIN_GROUP_SIZE


def mask_of(plan: Plan, item: Change | Conflict) -> Mask | None:
    """What hides the sensitive values of a record, where it has any."""
    return Mask(item.sensitive, plan.meta.fingerprint_key.encode()) if item.sensitive else None


def groups(plan: Plan) -> tuple[Group, ...]:
    """The changes of a plan in groups: what removes something first, then by size.

    Of what removes something the outliers come first: many that lose the same are more often meant.
    """
    same: dict[str, tuple[tuple[Difference, ...], list[Change]]] = {}
    for change in plan.changes:
        found = differences(change.before, change.after, mask_of(plan, change))
        same.setdefault(_likeness(change, found), (found, []))[1].append(change)
    gathered: list[tuple[str, tuple[Variant, ...]]] = [
        (key, (_alike(found, changes),))
        for key, (found, changes) in same.items()
        if len(changes) >= MIN_GROUP_SIZE
    ]
    few = [
        (key, _alike(found, changes))
        for key, (found, changes) in same.items()
        if len(changes) < MIN_GROUP_SIZE
    ]
    gathered += _by_shape(few)
    ordered = sorted((_unnumbered(key, alike) for key, alike in gathered), key=_rank)
    # Formats that tell outliers record by record leave no gaps among the others' names.
    alike = count(1)
    outliers = count(1 + sum(not group.outlier for group in ordered))
    return tuple(
        structs.replace(group, number=next(outliers if group.outlier else alike))
        for group in ordered
    )


def _alike(found: tuple[Difference, ...], changes: list[Change]) -> Variant:
    return Variant(found, tuple(changes), effect(changes[0], found))


def _by_shape(few: Iterable[tuple[str, Variant]]) -> list[tuple[str, tuple[Variant, ...]]]:
    """What is rare, by shape where that makes it a group, and alone where it does not."""
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
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return Group(0, digest, alike[0].effect, alike)


def _rank(group: Group) -> tuple[bool, bool, int, Address]:
    removes = group.effect is Effect.REMOVES
    return not removes, removes and not group.outlier, -group.count, group.first.address


def effect(change: Change, found: Iterable[Difference]) -> Effect:
    """The worst that a change does: what empties a field removes all that was in it."""
    places_found = tuple(found)
    if change.action is Action.CLEAR or any(difference.loses for difference in places_found):
        return Effect.REMOVES
    replaces = any(difference.op == "replace" for difference in places_found)
    return Effect.CHANGES if replaces and change.before else Effect.ADDS


def _likeness(change: Change, found: Iterable[Difference]) -> str:
    """A text that only changes that do the same have."""
    parts = _kind_of(change)
    for difference in found:
        parts += (
            difference.op,
            repr(difference.path),
            unique_text(difference.before),
            unique_text(difference.after),
        )
    return "\0".join(parts)


def _shape(alike: Variant) -> str:
    """The same without the values, any item of a list being like any other.

    What loses something is not like what does not.
    """
    parts = [*_kind_of(alike.changes[0]), alike.effect]
    ways = {
        (difference.op, repr(with_any_item(difference.path))) for difference in alike.differences
    }
    return "\0".join([*parts, *(part for way in sorted(ways) for part in way)])


def _kind_of(change: Change) -> list[str]:
    return [change.action, change.origin, "released" if change.released else ""]


class KeyChange(Struct, frozen=True):
    """What a group does to one key; `values` counts the distinct pairs of values.

    Any item of a list is as any other: its `path` say 0.
    """

    op: Op
    path: KeyPath
    values: int
    difference: Difference
    loses: bool


def key_changes(group: Group) -> tuple[KeyChange, ...]:
    """What a group does, key by key: what is lost first, then in order of path."""
    if group.exact:
        return tuple(
            KeyChange(difference.op, difference.path, 1, difference, difference.loses)
            for difference in losses_first(group.differences)
        )
    found: dict[tuple[Op, KeyPath], list[Difference]] = {}
    for one in group.alike:
        for difference in one.differences:
            found.setdefault((difference.op, with_any_item(difference.path)), []).append(difference)
    told = (
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
    return tuple(sorted(told, key=lambda one: not one.loses))


def losses_first(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """Places in the order in which they are judged: where room ends, no loss is left out."""
    return tuple(sorted(found, key=lambda difference: not difference.loses))


def with_any_item(path: KeyPath) -> KeyPath:
    """The way to a difference, any item of a list being its first."""
    return tuple(0 if isinstance(step, int) else step for step in path)
