"""Plan <-> the versioned JSON document (schemas/plan.schema.json).

Shaped so that tools for Terraform's plan JSON read it unchanged. It is written as a stream, one
change a line, and read strictly: what was cut or edited is refused before any request is made.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct, field

from reconciler.diff import places
from reconciler.errors import PlanFileError
from reconciler.kinds import KINDS, is_sid
from reconciler.model import Action, Address, Change, Origin, Plan, Source, Unreadable
from reconciler.plan import digest
from reconciler.report import Summary, summarize

FORMAT_VERSION = "1.0"


class _Version(Struct):
    format_version: str


class _Field(Struct, forbid_unknown_fields=True):
    user_data: str | None


class _Values(Struct, forbid_unknown_fields=True):
    before: _Field
    after: _Field
    actions: tuple[Literal["update"]] = ("update",)
    before_sensitive: dict[str, Any] = {}
    after_sensitive: dict[str, Any] = {}


class _Place(Struct, forbid_unknown_fields=True, omit_defaults=True):
    op: str
    path: str
    before: Raw | msgspec.UnsetType = field(name="from", default=msgspec.UNSET)
    after: Raw | msgspec.UnsetType = field(name="value", default=msgspec.UNSET)


class _Change(Struct, forbid_unknown_fields=True):
    address: str
    type: str
    name: str
    action: Action
    origin: Origin
    source: Source
    change: _Values
    diff: list[_Place]
    mode: Literal["managed"] = "managed"
    provider_name: Literal["carrierx"] = "carrierx"


class _Unreadable(Struct, forbid_unknown_fields=True):
    address: str
    status: int | None
    reason: str
    source: Source


class _Target(Struct, forbid_unknown_fields=True):
    base_url: str


class _Document(Struct, forbid_unknown_fields=True):
    """The document as it is read; `write` sets out the same members in the same order."""

    format_version: str
    digest: str
    complete: bool
    applyable: bool
    target: _Target
    source: dict[str, None]
    summary: Summary
    resource_changes: list[_Change]
    unreadable: list[_Unreadable]
    guards: list[Any]


def write(plan: Plan) -> Iterator[str]:
    """The document in pieces, each of whole lines: the same bytes for the same plan."""
    head = {
        "format_version": FORMAT_VERSION,
        "digest": plan.digest,
        "complete": plan.complete,
        "applyable": plan.applyable,
        "target": _Target(plan.base_url),
        "source": {"base": None, "head": None},
        "summary": summarize(plan),
    }
    members = "".join(f"{_json(name)}:{_json(value)},\n" for name, value in head.items())
    yield f'{{\n{members}"resource_changes":'
    yield from _array(_change(change) for change in plan.changes)
    yield ',\n"unreadable":'
    yield from _array(_unreadable(record) for record in plan.unreadable)
    yield ',\n"guards":[]\n}\n'


def read(data: bytes, name: str) -> Plan:
    """The plan that a document holds; `name` is how an error calls the file.

    Raises PlanFileError where the document is not exactly what a plan of this version would be.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).format_version
        if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise PlanFileError(
                f"{name}: has plan format {version}; this version reads {FORMAT_VERSION}"
            )
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PlanFileError(f"{name}: is not a whole plan document ({error})") from None
    except UnicodeDecodeError:
        raise PlanFileError(f"{name}: is not UTF-8") from None
    plan = Plan(
        base_url=document.target.base_url,
        digest=document.digest,
        changes=tuple(_read_change(change) for change in document.resource_changes),
        in_sync=document.summary.in_sync,
        unreadable=tuple(_read_unreadable(record) for record in document.unreadable),
    )
    _check(plan, data, name)
    return plan


def _check(plan: Plan, data: bytes, name: str) -> None:
    """Nothing that a reviewer saw may differ from what would be written."""
    addresses = [change.address for change in plan.changes]
    unread = [record.address for record in plan.unreadable]
    genuine = (
        digest(plan.base_url, plan.changes) == plan.digest
        and addresses == sorted(set(addresses))
        # A plan file is input: its SIDs become paths of the API.
        and all(item.kind in KINDS and is_sid(item.sid) for item in (*addresses, *unread))
        and _is_written(plan, data)
    )
    if not genuine:
        raise PlanFileError(
            f"{name}: was edited, or written by another version: "
            "its content is not what its digest stands for"
        )


def _is_written(plan: Plan, data: bytes) -> bool:
    """Whether `write` would write these very bytes, counts and differences included."""
    at = 0
    for piece in write(plan):
        encoded = piece.encode()
        if data[at : at + len(encoded)] != encoded:
            return False
        at += len(encoded)
    return at == len(data)


def _change(change: Change) -> _Change:
    return _Change(
        address=str(change.address),
        type=change.address.kind,
        name=change.address.sid,
        action=change.action,
        origin=change.origin,
        source=change.source,
        change=_Values(_Field(change.before), _Field(change.after)),
        diff=[
            _Place(place.op, place.path, _raw(place.before), _raw(place.after))
            for place in places(change.before, change.after)
        ],
    )


def _read_change(row: _Change) -> Change:
    return Change(
        Address(row.type, row.name),
        row.origin,
        row.change.before.user_data,
        row.change.after.user_data,
        row.source,
    )


def _unreadable(record: Unreadable) -> _Unreadable:
    return _Unreadable(str(record.address), record.status, record.reason, record.source)


def _read_unreadable(row: _Unreadable) -> Unreadable:
    kind, _, sid = row.address.partition("/")
    return Unreadable(Address(kind, sid), row.source, row.status, row.reason)


def _array(items: Iterable[Struct]) -> Iterator[str]:
    separator = "[\n"
    for item in items:
        yield f"{separator}{_json(item)}"
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"


def _raw(json: str | None) -> Raw | msgspec.UnsetType:
    return msgspec.UNSET if json is None else Raw(json.encode())


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
