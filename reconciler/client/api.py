"""An address -> the request; an answer -> what it holds (docs.carrierx.com, Core API).

The words of the API are spoken here alone: bodies, statuses, error texts.
"""

import json
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, defstruct
from msgspec.json import Decoder

from reconciler.client.json_splice import replaced
from reconciler.client.transport import Method, Request, Response
from reconciler.kinds import KINDS, MANAGED_FIELD, Kind
from reconciler.model import Address, Current

OK = 200
UNAUTHORIZED = 401
FORBIDDEN = 403

# An error's text is shown to people, who need its beginning.
MAX_REASON_CHARS = 300

# A single 403 is one record's problem; this many, and no success between them, are the token's.
FORBIDDEN_IN_A_ROW = 10

Decoded = TypeVar("Decoded")


class UnreadableError(Exception):
    """JSON that is none, or not of the shape that was expected."""


class Refusal(Struct, frozen=True):
    """An answer that holds no record: its status and what the API said."""

    status: int
    reason: str


class _Object(Struct):
    """What is read of a record; the rest is personal data and is not even decoded."""

    sid: str | None = None
    """The SID; each kind has its own name for the field."""
    user_data: str | UnsetType | None = UNSET
    """The annotation; UNSET in objects of an earlier shape, which lack it."""
    date_changed: str | None = None
    """When the record was changed last (RFC 3339)."""


class _Detail(Struct):
    message: str | None = None
    field: str | None = None


class _Error(Struct):
    message: str | None = None
    errors: list[_Detail] | None = None


def path(address: Address) -> str:
    """`/sms/messages/097b49df-...`: a checked SID, so nothing that could leave the collection."""
    return f"{KINDS[address.kind].path}/{address.sid}"


def get(address: Address, *, narrow: bool = False) -> Request:
    """Reads one record; `narrow` asks for few fields."""
    if not narrow:
        return Request("GET", path(address))
    fields = f"{KINDS[address.kind].sid_field},{MANAGED_FIELD},date_changed"
    return Request("GET", path(address), (("includeFields", fields),))


def page(kind: Kind, where: Mapping[str, str], *, limit: int, narrow: bool) -> Request:
    """Reads one page of a kind's records; `where` is its place, `narrow` asks for few fields."""
    query = {"limit": str(limit), **where}
    if narrow:
        query["includeFields"] = f"{kind.sid_field},{MANAGED_FIELD},date_changed"
    return Request("GET", kind.path, tuple(query.items()))


def patch(address: Address, user_data: str | None) -> Request:
    """Writes user_data and nothing else."""
    return _write("PATCH", address, {MANAGED_FIELD: user_data})


def put(address: Address, user_data: str | None, just_read: bytes) -> Request:
    """Writes the whole object just read, byte for byte but for the value of user_data.

    Decoding and encoding it would turn 0.010 into 0.01 and lose digits of long numbers. Raises
    UnreadableError for an object that cannot be sent back.
    """
    _decoded(just_read, _MEMBERS)
    value = msgspec.json.encode(user_data).decode()
    try:
        body = replaced(just_read.decode(), MANAGED_FIELD, value)
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None
    except (RecursionError, ValueError):
        raise UnreadableError("it nests too deeply") from None
    return Request("PUT", path(address), body=body.encode())


def changed_beside(just_read: Response, answer: Response) -> tuple[str, ...]:
    """The fields beside user_data that are not as they were before a write; names alone.

    `date_changed` is what every write changes.
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
    return Request(method, path(address), body=msgspec.json.encode(body))


def current(address: Address, response: Response) -> Current | Refusal:
    """What an answer to a GET of one whole object holds; a field that is not there holds nothing.

    A 200 must be JSON, about that very SID, with user_data a text or null; anything else is a
    refusal as well, since nobody can tell what the record holds.
    """
    held = _held(address, response)
    if isinstance(held, Refusal):
        return held
    return Current(None if held.user_data is UNSET else held.user_data, held.date_changed)


def stored(address: Address, response: Response) -> Current | Refusal:
    """What an answer to a write, or to a narrow GET, says is stored now; it has to say so."""
    held = _held(address, response)
    if isinstance(held, Refusal):
        return held
    if held.user_data is UNSET:
        return Refusal(OK, "the answer does not say what was stored")
    return Current(held.user_data, held.date_changed)


def _held(address: Address, response: Response) -> _Object | Refusal:
    if response.status != OK:
        return Refusal(response.status, reason(response))
    if not is_json(response):
        kind = response.headers.get("content-type", "no content type")
        return Refusal(OK, _short(f"the answer is not JSON but {kind}"))
    try:
        held = _decoded(response.body, _OBJECTS[address.kind])
    except UnreadableError as error:
        return Refusal(OK, _short(f"the answer cannot be read: {error}"))
    # A key may be written in escapes, too.
    doubtful = response.body.count(_FIELD) > 1 or _ESCAPED in response.body
    if doubtful and _repeats_a_key(response.body):
        return Refusal(OK, "the answer holds a field twice")
    if held.sid is None or held.sid.lower() != address.sid:
        return Refusal(OK, _short(f"the answer is about another record: {held.sid}"))
    return held


_FIELD = f'"{MANAGED_FIELD}"'.encode()
_ESCAPED = b"\\u00"


def _repeats_a_key(body: bytes) -> bool:
    pairs: list[list[tuple[str, object]]] = []
    try:
        json.loads(body, object_pairs_hook=pairs.append, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return True  # nobody can tell
    return any(len(dict(members)) < len(members) for members in pairs)


def _decoded(body: bytes, decoder: Decoder[Decoded]) -> Decoded:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(str(error)) from None


class Item(Struct):
    """A record on a page, its value still to be decoded: few of a page's records are wanted."""

    sid: str
    user_data: Raw | UnsetType
    date_changed: str | None


class Page(Struct):
    """A page of a list. `total` and `more` are its own word, None where it says nothing."""

    items: list[Item]
    total: int | None
    more: bool | None


def page_of(kind: Kind, response: Response) -> Page | Refusal:
    """What an answer to a list request holds."""
    if response.status != OK:
        return Refusal(response.status, reason(response))
    if not is_json(response):
        return Refusal(OK, "the answer is not JSON")
    try:
        listed = _decoded(response.body, _LISTS[kind.name])
    except UnreadableError as error:
        return Refusal(OK, _short(f"the answer cannot be read: {error}"))
    items = [Item(item.sid.lower(), item.user_data, item.date_changed) for item in listed.items]
    more = True if (listed.pagination or {}).get("next") else listed.has_more
    return Page(items, listed.total, more)


def value_of(item: Item) -> Current | None:
    """What a listed record holds; None where that is no text, or was left out."""
    if isinstance(item.user_data, UnsetType):
        return None
    try:
        return Current(_decoded(bytes(item.user_data), _TEXT), item.date_changed)
    except UnreadableError:
        return None


class _Listed(Struct):
    """What is read of a record on a page."""

    sid: str
    """The SID; each kind has its own name for the field."""
    user_data: Raw | UnsetType = UNSET
    """The annotation as JSON text, still to be decoded: few records of a page are wanted."""
    date_changed: str | None = None
    """When the record was changed last (RFC 3339)."""


_OF_ONE = ("sid", str | None, None)
_OF_A_LIST = ("sid", str)


def _shape(kind: Kind, sid: tuple[Any, ...], base: type[Decoded]) -> type[Decoded]:
    """A struct whose `sid` is read from the kind's own field."""
    made: Any = defstruct(kind.name, [sid], bases=(base,), rename={"sid": kind.sid_field})
    shape: type[Decoded] = made
    return shape


_ItemType = TypeVar("_ItemType")


class _List(Struct, Generic[_ItemType]):
    items: list[_ItemType]
    total: int | None = None
    has_more: bool | None = None
    pagination: dict[str, str | None] | None = None


_MEMBERS = Decoder(dict[str, Raw])
_OBJECTS: Mapping[str, Decoder[_Object]] = {
    kind.name: Decoder(_shape(kind, _OF_ONE, _Object)) for kind in KINDS.values()
}
_ERROR = Decoder(_Error)
_TEXT: Decoder[str | None] = Decoder(str | None)
_LIST_OF: Any = _List  # subscripted with types that are made at run time
_LISTS: Mapping[str, Decoder[Any]] = {
    kind.name: Decoder(_LIST_OF[_shape(kind, _OF_A_LIST, _Listed)]) for kind in KINDS.values()
}


def is_json(response: Response) -> bool:
    """Whether an answer says that it is JSON; a proxy's page of HTML does not."""
    kind = response.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


def reason(response: Response) -> str:
    """What the API says of an error: its message and its fields' messages, or just the status."""
    try:
        error = _decoded(response.body, _ERROR)
    except UnreadableError:
        error = _Error()
    details = [
        f"{detail.field}: {detail.message}" if detail.field else detail.message
        for detail in error.errors or ()
        if detail.message
    ]
    return _short("; ".join(details) or error.message or "no reason given")


def _short(text: str) -> str:
    return text if len(text) <= MAX_REASON_CHARS else f"{text[: MAX_REASON_CHARS - 1]}…"
