"""What a plan speaks of <-> the rows of its document, a struct a kind of row.

A row has no member that is not in the schema (schemas/plan.schema.json), in the order of here.
"""

from typing import Literal

from msgspec import UNSET, Raw, Struct, UnsetType, field

from reconciler.model import (
    Action,
    Address,
    Change,
    Conflict,
    Origin,
    Released,
    Source,
    Unreadable,
)
from reconciler.values.canonical import JsonValue
from reconciler.values.diff import Difference, differences
from reconciler.values.masking import Mask, Masked, masked_json


class _Field(Struct, forbid_unknown_fields=True):
    user_data: str | None


class _Sensitive(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Terraform's mark: whether a tool that prints values may print this one."""

    user_data: bool = False


class _Values(Struct, forbid_unknown_fields=True):
    before: _Field
    after: _Field
    before_sensitive: _Sensitive
    after_sensitive: _Sensitive
    actions: tuple[Literal["update"]] = ("update",)


class _Difference(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A difference that must not be shown has neither value."""

    op: str
    path: str
    before: Raw | UnsetType = field(name="from", default=UNSET)
    after: Raw | UnsetType = field(name="value", default=UNSET)
    sensitive: bool = False


class ChangeRow(Struct, forbid_unknown_fields=True):
    """What will be written to one record, as Terraform writes a change to a resource."""

    address: str
    type: str
    name: str
    action: Action
    origin: Origin
    source: Source
    change: _Values
    diff: list[_Difference]
    mode: Literal["managed"] = "managed"
    provider_name: Literal["carrierx"] = "carrierx"
    sensitive: tuple[str, ...] | UnsetType = UNSET
    released: bool | UnsetType = UNSET
    structured: bool | UnsetType = UNSET


class UnreadableRow(Struct, forbid_unknown_fields=True):
    """A record that could not be read."""

    address: str
    status: int | None
    reason: str
    source: Source


class ConflictRow(Struct, forbid_unknown_fields=True):
    """A record that both sides changed: the field at the base, in git and live."""

    address: str
    paths: tuple[str, ...] = field(name="places")
    base: str | None
    git: str | None
    live: str | None
    source: Source
    sensitive: tuple[str, ...] | UnsetType = UNSET


class ReleasedRow(Struct, forbid_unknown_fields=True):
    """A record that left git and is left as it is."""

    address: str
    source: Source


def change_row(change: Change, key: bytes | None) -> ChangeRow:
    """The row of a change; with a key of fingerprints what must not be shown is masked."""
    mask = Mask(change.sensitive or (), b"")
    hides = _Sensitive(bool(change.sensitive))
    return ChangeRow(
        address=str(change.address),
        type=change.address.kind,
        name=change.address.sid,
        action=change.action,
        origin=change.origin,
        source=change.source,
        change=_Values(
            before=_Field(_masked(change.before, change.sensitive, key)),
            after=_Field(_masked(change.after, change.sensitive, key)),
            before_sensitive=hides,
            after_sensitive=hides,
        ),
        diff=[
            _difference(difference) for difference in differences(change.before, change.after, mask)
        ],
        sensitive=UNSET if change.sensitive is None else change.sensitive,
        released=change.released or UNSET,
        structured=change.structured or UNSET,
    )


def _masked(text: str | None, sensitive: tuple[str, ...] | None, key: bytes | None) -> str | None:
    """A text as it is for those who apply it, masked for those who look at it."""
    if text is None or key is None or not sensitive:
        return text
    value = Mask(sensitive, key).text(text)
    return str(value) if isinstance(value, Masked) else masked_json(value)


def _difference(difference: Difference) -> _Difference:
    if isinstance(difference.before, Masked) or isinstance(difference.after, Masked):
        return _Difference(difference.op, difference.pointer, sensitive=True)
    before = UNSET if difference.op == "add" else _raw(difference.before)
    after = UNSET if difference.op == "remove" else _raw(difference.after)
    return _Difference(difference.op, difference.pointer, before, after)


def _raw(value: JsonValue) -> Raw:
    # Without the fingerprints: the same plan has the same bytes, whatever the key.
    return Raw(masked_json(value, fingerprints=False).encode())


def read_change(row: ChangeRow) -> Change:
    """The change of a row."""
    return Change(
        Address(row.type, row.name),
        row.origin,
        row.change.before.user_data,
        row.change.after.user_data,
        row.source,
        None if row.sensitive is UNSET else row.sensitive,
        row.released is True,
        row.structured is True,
    )


def unreadable_row(record: Unreadable) -> UnreadableRow:
    """The row of a record that could not be read."""
    return UnreadableRow(str(record.address), record.status, record.reason, record.source)


def read_unreadable(row: UnreadableRow) -> Unreadable:
    """The record of a row that could not be read."""
    return Unreadable(Address.parse(row.address), row.source, row.status, row.reason)


def conflict_row(conflict: Conflict, key: bytes | None) -> ConflictRow:
    """The row of a conflict, masked as that of a change is."""
    return ConflictRow(
        address=str(conflict.address),
        paths=conflict.paths,
        base=_masked(conflict.base, conflict.sensitive, key),
        git=_masked(conflict.wanted, conflict.sensitive, key),
        live=_masked(conflict.live, conflict.sensitive, key),
        source=conflict.source,
        sensitive=conflict.sensitive or UNSET,
    )


def read_conflict(row: ConflictRow) -> Conflict:
    """The conflict of a row."""
    return Conflict(
        Address.parse(row.address),
        row.base,
        row.git,
        row.live,
        row.paths,
        row.source,
        () if row.sensitive is UNSET else row.sensitive,
    )


def released_row(record: Released) -> ReleasedRow:
    """The row of a released record."""
    return ReleasedRow(str(record.address), record.source)


def read_released(row: ReleasedRow) -> Released:
    """The released record of a row."""
    return Released(Address.parse(row.address), row.source)
