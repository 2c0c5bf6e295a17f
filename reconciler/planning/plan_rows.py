"""The parts of a plan <-> the rows of its document, one struct per kind of row.

A row has exactly the members of the schema (schemas/plan.schema.json); they are written in the
order in which they are declared here.
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
from reconciler.values.json_text import escape_surrogates
from reconciler.values.masking import Mask, Masked, mask_for, masked_json


class ContradictionError(ValueError):
    """The members of a row contradict each other."""


class _Field(Struct):
    """The managed field of a record, as an object with one member."""

    user_data: str | None
    """The text; None for an empty field (null)."""


class _Sensitive(Struct, omit_defaults=True):
    """Terraform's `before_sensitive` and `after_sensitive`: values that tools must not print."""

    user_data: bool = False
    """Whether the text holds sensitive values."""


class _Values(Struct):
    """The member `change`, with the names of Terraform's plan JSON."""

    before: _Field
    """The live field."""
    after: _Field
    """The field to write."""
    before_sensitive: _Sensitive
    """The marks of `before`."""
    after_sensitive: _Sensitive
    """The marks of `after`."""
    actions: tuple[Literal["update"]] = ("update",)
    """Terraform's name for the action; records are never created or deleted."""


class _Difference(Struct, omit_defaults=True):
    """One difference inside the field."""

    op: str
    """`add`, `remove` or `replace`, as in JSON Patch (RFC 6902)."""
    path: str
    """The JSON Pointer (RFC 6901) of the value; empty for the whole field."""
    before: Raw | UnsetType = field(name="from", default=UNSET)
    """The old value as JSON; unset for `add`, and if the difference is sensitive."""
    after: Raw | UnsetType = field(name="value", default=UNSET)
    """The new value as JSON; unset for `remove`, and if the difference is sensitive."""
    sensitive: bool = False
    """Whether both values are left out because they are sensitive."""


class ChangeRow(Struct):
    """The change to one record: an item of `resource_changes`, as in Terraform's plan JSON."""

    address: str
    """`messages/097b49df-...`."""
    type: str
    """The kind: `messages`."""
    name: str
    """The SID."""
    action: Action
    """Whether the field is set, changed or cleared."""
    origin: Origin
    """Why the record differs from git."""
    source: Source
    """Where the entry is written."""
    change: _Values
    """The live text and the text to write."""
    diff: list[_Difference] = []
    """The differences between both texts, in order of path."""
    mode: Literal["managed"] = "managed"
    """Terraform's mode of a resource, which its tools expect."""
    provider_name: Literal["carrierx"] = "carrierx"
    """Terraform's name of the provider, which its tools expect."""
    sensitive: tuple[str, ...] | UnsetType = UNSET
    """`Change.sensitive`; unset for None."""
    released: bool | UnsetType = UNSET
    """`Change.released`; unset for False."""
    structured: bool | UnsetType = UNSET
    """`Change.structured`; unset for False."""


class UnreadableRow(Struct):
    """A record that could not be read."""

    address: str
    """`messages/097b49df-...`."""
    status: int | None
    """The HTTP status of the response; None if there was no response."""
    reason: str
    """The API's message or the transport error."""
    source: Source
    """Where the entry is written."""


class ConflictRow(Struct):
    """A record in conflict."""

    address: str
    """`messages/097b49df-...`."""
    paths: tuple[str, ...] = field(name="places")
    """JSON Pointers (RFC 6901) of the values in conflict; the empty pointer is the whole field."""
    base: str | None
    """The text at the base; None for an empty field."""
    git: str | None
    """The text in git now; None for an empty field."""
    live: str | None
    """The live text; None for an empty field."""
    source: Source
    """Where the entry is written."""
    sensitive: tuple[str, ...] | UnsetType = UNSET
    """JSON Pointers to redact; unset if nothing has to be redacted."""


class ReleasedRow(Struct):
    """A record that was removed from git and keeps its live value."""

    address: str
    """`messages/097b49df-...`."""
    source: Source
    """Where it was written before its removal."""


def change_row(change: Change, key: bytes | None) -> ChangeRow:
    """The row of a change.

    With a `key` sensitive values are replaced by fingerprints, without one (None) the texts are
    complete and can be applied. The rows of `diff` never hold sensitive values.
    """
    mask = Mask(change.sensitive or (), b"")
    fingerprints = _fingerprints(change, key, change.before)
    hides = _Sensitive(bool(change.sensitive))
    return ChangeRow(
        address=str(change.address),
        type=change.address.kind,
        name=change.address.sid,
        action=change.action,
        origin=change.origin,
        source=change.source,
        change=_Values(
            before=_Field(_masked(change.before, fingerprints)),
            after=_Field(_masked(change.after, fingerprints)),
            before_sensitive=hides,
            after_sensitive=hides,
        ),
        diff=[
            _difference(difference) for difference in differences(change.before, change.after, mask)
        ],
        # () must be kept for the apply, which redacts the API's messages because of it.
        sensitive=UNSET if change.sensitive is None else change.sensitive,
        released=change.released or UNSET,
        structured=change.structured or UNSET,
    )


def _fingerprints(item: Change | Conflict, key: bytes | None, live: str | None) -> Mask | None:
    """The mask for the texts of a record; None without a key, or if nothing is sensitive."""
    if key is None or not item.sensitive:
        return None
    return mask_for(item.sensitive, key, item.address, live)


def _masked(text: str | None, mask: Mask | None) -> str | None:
    """The text itself without a mask, with its sensitive values masked otherwise."""
    if text is None or mask is None:
        return text
    value = mask.text(text)
    return str(value) if isinstance(value, Masked) else masked_json(value)


def _difference(difference: Difference) -> _Difference:
    if isinstance(difference.before, Masked) or isinstance(difference.after, Masked):
        return _Difference(difference.op, difference.pointer, sensitive=True)
    # UNSET and not None, because null is also a value of a key.
    before = UNSET if difference.op == "add" else _raw(difference.before)
    after = UNSET if difference.op == "remove" else _raw(difference.after)
    return _Difference(difference.op, difference.pointer, before, after)


def _raw(value: JsonValue) -> Raw:
    # Without fingerprints: they depend on the key, and the same plan must give the same bytes.
    return Raw(escape_surrogates(masked_json(value, fingerprints=False)).encode())


def read_change(row: ChangeRow) -> Change:
    """The change of a row; the inverse of `change_row` without a key.

    Raises ContradictionError if the address or the action is not that of the change. `diff` is for
    other tools; it is derived from the texts, and every output of ours derives it again.
    """
    change = Change(
        Address(row.type, row.name),
        row.origin,
        row.change.before.user_data,
        row.change.after.user_data,
        row.source,
        None if row.sensitive is UNSET else row.sensitive,
        row.released is True,
        row.structured is True,
    )
    # A policy may have been checked against them.
    if (row.address, row.action) != (str(change.address), change.action):
        raise ContradictionError
    return change


def unreadable_row(record: Unreadable) -> UnreadableRow:
    """The row of a record that could not be read."""
    return UnreadableRow(str(record.address), record.status, record.reason, record.source)


def read_unreadable(row: UnreadableRow) -> Unreadable:
    """The unreadable record of a row."""
    return Unreadable(Address.parse(row.address), row.source, row.status, row.reason)


def conflict_row(conflict: Conflict, key: bytes | None) -> ConflictRow:
    """The row of a conflict; a `key` masks sensitive values as in `change_row`."""
    fingerprints = _fingerprints(conflict, key, conflict.live)
    return ConflictRow(
        address=str(conflict.address),
        paths=conflict.paths,
        base=_masked(conflict.base, fingerprints),
        git=_masked(conflict.wanted, fingerprints),
        live=_masked(conflict.live, fingerprints),
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
