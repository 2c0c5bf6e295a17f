"""An address -> a request; a response -> the live value or a refusal (docs.carrierx.com, Core API).

Only this module knows the wire format of the API: bodies, statuses and error texts. No I/O.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, defstruct, structs
from msgspec.json import Decoder

from reconciler.client.json_splice import replaced
from reconciler.client.repeated_keys import may_repeat, repeating, repeats_a_key_outside
from reconciler.client.transport import Method, Request, Response
from reconciler.kinds import KINDS, MANAGED_FIELD, Kind
from reconciler.model import Address, Current
from reconciler.values.json_text import decode, encode, repeats_a_key
from reconciler.wording import shorten

OK = 200
UNAUTHORIZED = 401
FORBIDDEN = 403

# Longer error texts are cut: the beginning is enough to understand an error.
MAX_REASON_CHARS = 300

# One 403 concerns one record. Ten before the first record that can be read, or ten since the last
# write that worked, mean that the token lacks a scope: the run stops.
FORBIDDEN_LIMIT = 10

Decoded = TypeVar("Decoded")


class UnreadableError(Exception):
    """A body that is not JSON, or JSON of an unexpected shape."""


class Refusal(Struct, frozen=True):
    """A response that holds no usable record."""

    status: int
    """The HTTP status; 200 if the body could not be used."""
    reason: str
    """The API's error text, or why the body could not be used; at most MAX_REASON_CHARS."""


class _Object(Struct):
    """The fields that are read of a record. The others are personal data and are not decoded."""

    sid: str | None = None
    """The SID; each kind has its own name for the field."""
    user_data: str | UnsetType | None = UNSET
    """The annotation; UNSET in objects of an earlier shape, which lack it."""
    date_changed: str | None = None
    """When the record was changed last (RFC 3339); None if the API does not state it."""


class _Owned(Struct):
    """A record with its owner."""

    sid: str | None = None
    """The SID; each kind has its own name for the field."""
    partner_sid: str | None = None
    """The SID of the partner; None if the object does not name it."""


class _Detail(Struct):
    """The error of one field."""

    message: str | None = None
    """The error text; None if the API gives none."""
    field: str | None = None
    """The name of the field; None if the error concerns the whole request."""


class _Error(Struct):
    """The body of an error response."""

    message: str | None = None
    """The error text of the whole request; None if the API gives none."""
    errors: list[_Detail] | None = None
    """The errors of single fields; they are more precise than `message`."""


def path(address: Address) -> str:
    """The path of a record: `/sms/messages/097b49df-...`.

    The SID of an address is validated, so the path cannot leave its collection.
    """
    return f"{KINDS[address.kind].path}/{address.sid}"


def get(address: Address, *, narrow: bool = False) -> Request:
    """A request to read one record; `narrow` asks for SID, user_data and date_changed only."""
    if not narrow:
        return Request("GET", path(address))
    fields = f"{KINDS[address.kind].sid_field},{MANAGED_FIELD},date_changed"
    return Request("GET", path(address), (("includeFields", fields),))


def scopes_to_write(address: Address) -> str:
    """The scopes that a token needs to write a record: `sms.manage, or sms.read and sms.update`."""
    scopes = KINDS[address.kind].scopes
    return f"{scopes.manage}, or {scopes.read} and {scopes.update}"


def with_partner(request: Request) -> Request:
    """The request to read records, which asks for their partner as well."""
    query = tuple(
        (name, f"{value},{_PARTNER}" if name == "includeFields" else value)
        for name, value in request.query
    )
    return structs.replace(request, query=query)


def partners(request: Request, response: Response) -> dict[str, str | None]:
    """The SIDs of the records in the response to a GET, each with that of its partner.

    None where a record names no partner. Empty if the response holds no record that can be read.
    """
    if response.status != OK or not is_json(response):
        return {}
    found: dict[str, str | None] = {}
    for kind in KINDS.values():
        try:
            if request.path == kind.path:
                listed = _decoded(response.body, _OWNED_LISTS[kind.name]).items
            elif request.path.startswith(f"{kind.path}/"):
                listed = [_decoded(response.body, _OWNED[kind.name])]
            else:
                continue
        except UnreadableError:
            continue
        found |= {str(item.sid).lower(): item.partner_sid for item in listed}
    return found


def page(kind: Kind, where: Mapping[str, str], *, limit: int, narrow: bool) -> Request:
    """A request to read one page of at most `limit` records of a kind.

    `where` selects the page: `{"after": sid}`, `{"offset": "2000"}`, or empty for the first page.
    `narrow` asks for SID, user_data and date_changed only.
    """
    query = {"limit": str(limit), **where}
    if narrow:
        query["includeFields"] = f"{kind.sid_field},{MANAGED_FIELD},date_changed"
    return Request("GET", kind.path, tuple(query.items()))


def patch(address: Address, user_data: str | None) -> Request:
    """A request to write `user_data` and no other field."""
    return _write("PATCH", address, {MANAGED_FIELD: user_data})


def put(address: Address, user_data: str | None, just_read: bytes) -> Request:
    """A request to write back the whole object; only the value of `user_data` is replaced.

    All other bytes stay: to decode and encode them would turn 0.010 into 0.01 and lose digits of
    long numbers. Raises UnreadableError if `just_read` is not a JSON object in UTF-8, or nests too
    deeply.
    """
    # Only a check: `replaced` requires a valid JSON object. UTF-8 in Raw is not checked.
    _decoded(just_read, _MEMBERS)
    value = encode(user_data)
    try:
        body = replaced(just_read.decode(), MANAGED_FIELD, value)
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None
    except (RecursionError, ValueError):
        raise UnreadableError("it nests too deeply") from None
    return Request("PUT", path(address), body=body.encode())


def other_changed_fields(just_read: Response, answer: Response) -> tuple[str, ...]:
    """The sorted names of the fields that a write changed in addition to `user_data`.

    Without `date_changed`, which every write changes. Empty if one of the bodies cannot be decoded.
    """
    try:
        before = _decoded(just_read.body, _MEMBERS)
        after = _decoded(answer.body, _MEMBERS)
    except UnreadableError:
        return ()
    return tuple(
        name
        for name in sorted(before.keys() | after.keys())
        if name not in (MANAGED_FIELD, "date_changed")
        and bytes(before.get(name, b"")) != bytes(after.get(name, b""))
    )


def _write(method: Method, address: Address, body: Mapping[str, object]) -> Request:
    return Request(method, path(address), body=encode(body).encode())


def current(address: Address, response: Response) -> Current | Refusal:
    """The live value in the response to a GET of the whole object.

    A missing `user_data` counts as null if the kind may lack the field. A 200 is a refusal too if
    it is not JSON, is about another SID, lacks the field, or holds a `user_data` that is neither a
    string nor null: the live value is then unknown.
    """
    held = _held(address, response)
    if isinstance(held, Refusal):
        return held
    if held.user_data is UNSET and KINDS[address.kind].may_lack_user_data:
        return Current(None, held.date_changed)
    return _with_value(held)


def stored(address: Address, response: Response) -> Current | Refusal:
    """The live value in the response to a write or a narrow GET.

    As `current`, but a missing `user_data` is a refusal: the value is then unknown.
    """
    held = _held(address, response)
    return held if isinstance(held, Refusal) else _with_value(held)


def _with_value(held: _Object) -> Current | Refusal:
    if held.user_data is UNSET:
        return Refusal(OK, "the answer does not contain user_data")
    return Current(held.user_data, held.date_changed)


def _held(address: Address, response: Response) -> _Object | Refusal:
    if response.status != OK:
        return Refusal(response.status, reason(response))
    if not is_json(response):
        kind = response.headers.get("content-type", "no content type")
        return Refusal(OK, shorten(f"the answer is not JSON but {kind}", MAX_REASON_CHARS))
    try:
        held = _decoded(response.body, _OBJECTS[address.kind])
    except UnreadableError as error:
        return Refusal(OK, shorten(f"the answer cannot be read: {error}", MAX_REASON_CHARS))
    if may_repeat(response.body, 1) and repeats_a_key(response.body):
        return Refusal(OK, "the answer holds a field twice")
    if held.sid is None or held.sid.lower() != address.sid:
        return Refusal(
            OK, shorten(f"the answer is about another record: {held.sid}", MAX_REASON_CHARS)
        )
    return held


def _decoded(body: bytes, decoder: Decoder[Decoded]) -> Decoded:
    try:
        # The decoder checks only the fields that it reads. JSON is UTF-8 (RFC 8259, section 8.1).
        if not body.isascii():
            body.decode()
        return decode(body, decoder)
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnreadableError(str(error)) from None


class Item(Struct):
    """A record on a page. Its value is decoded on demand: few records of a page are wanted."""

    sid: str
    """The SID, in lower case."""
    user_data: Raw | UnsetType
    """The field as JSON text; UNSET if the object lacks it."""
    date_changed: str | None
    """When the record was changed last (RFC 3339); None if the API does not state it."""


class Page(Struct):
    """A page of a list."""

    items: list[Item]
    """The records, in the API's order."""
    total: int | None
    """The number of records in the account; None if the API does not state it."""
    more: bool | None
    """Whether the API states that another page follows; None if it does not state it."""


def page_of(kind: Kind, response: Response) -> Page | Refusal:
    """The page in the response to a list request."""
    if response.status != OK:
        return Refusal(response.status, reason(response))
    if not is_json(response):
        return Refusal(OK, "the answer is not JSON")
    try:
        listed = _decoded(response.body, _LISTS[kind.name])
    except UnreadableError as error:
        return Refusal(OK, shorten(f"the answer cannot be read: {error}", MAX_REASON_CHARS))
    items = [Item(item.sid.lower(), item.user_data, item.date_changed) for item in listed.items]
    if may_repeat(response.body, len(items)):
        if repeats_a_key_outside(response.body):
            return Refusal(OK, "the answer holds a field twice")
        for item, twice in zip(items, repeating(response.body), strict=True):
            # As in the answer to a GET of the record: its value is not known.
            item.user_data = UNSET if twice else item.user_data
    more = True if (listed.pagination or {}).get("next") else listed.has_more
    return Page(items, listed.total, more)


def value_of(item: Item) -> Current | None:
    """The live value of a listed record; None if it is missing, or is not a string or null."""
    if isinstance(item.user_data, UnsetType):
        return None
    try:
        return Current(_decoded(bytes(item.user_data), _TEXT), item.date_changed)
    except UnreadableError:
        return None


class _Listed(Struct):
    """The fields that are read of a record on a page."""

    sid: str
    """The SID; each kind has its own name for the field."""
    user_data: Raw | UnsetType = UNSET
    """The annotation as JSON text; UNSET if the object lacks it."""
    date_changed: str | None = None
    """When the record was changed last (RFC 3339); None if the API does not state it."""


_OF_ONE = ("sid", str | None, None)
_OF_A_LIST = ("sid", str)


def _shape(kind: Kind, sid: tuple[Any, ...], base: type[Decoded]) -> type[Decoded]:
    """A struct whose `sid` is decoded from the kind's own field, such as `message_sid`."""
    made: Any = defstruct(kind.name, [sid], bases=(base,), rename={"sid": kind.sid_field})
    shape: type[Decoded] = made
    return shape


_ItemType = TypeVar("_ItemType")


class _List(Struct, Generic[_ItemType]):
    """The body of a response to a list request."""

    items: list[_ItemType]
    """The records of the page."""
    total: int | None = None
    """The number of records in the account; the API's own pages show null."""
    has_more: bool | None = None
    """Whether another page follows; the API's own pages show it without a `next`."""
    pagination: dict[str, str | None] | None = None
    """Addresses of other pages. Only the presence of `next` is used; it is never followed."""


_PARTNER = "partner_sid"
_MEMBERS = Decoder(dict[str, Raw])
_OBJECTS: Mapping[str, Decoder[_Object]] = {
    kind.name: Decoder(_shape(kind, _OF_ONE, _Object)) for kind in KINDS.values()
}
_ERROR = Decoder(_Error)
_TEXT: Decoder[str | None] = Decoder(str | None)
_LIST_OF: Any = _List  # subscripted with types that are created at run time
_LISTS: Mapping[str, Decoder[Any]] = {
    kind.name: Decoder(_LIST_OF[_shape(kind, _OF_A_LIST, _Listed)]) for kind in KINDS.values()
}


_OWNED: Mapping[str, Decoder[_Owned]] = {
    kind.name: Decoder(_shape(kind, _OF_ONE, _Owned)) for kind in KINDS.values()
}
_OWNED_LISTS: Mapping[str, Decoder[Any]] = {
    kind.name: Decoder(_LIST_OF[_shape(kind, _OF_ONE, _Owned)]) for kind in KINDS.values()
}


def is_json(response: Response) -> bool:
    """Whether a response is declared as JSON; an HTML error page of a proxy is not."""
    kind = response.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


def reason(response: Response) -> str:
    """The error text of the API: `user_data: the maximum length is 5 characters`.

    The messages of the fields if there are any, otherwise the message of the request, otherwise
    `no reason given`.
    """
    try:
        error = _decoded(response.body, _ERROR)
    except UnreadableError:
        error = _Error()
    details = [
        f"{detail.field}: {detail.message}" if detail.field else detail.message
        for detail in error.errors or ()
        if detail.message
    ]
    return shorten("; ".join(details) or error.message or "no reason given", MAX_REASON_CHARS)
