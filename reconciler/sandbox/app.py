"""HTTP requests -> responses as the API's pages document them: an ASGI application over the store.

Sources: docs.carrierx.com, "Update Message", "Update Message Detail Record", "Responses",
"Pagination", "Partner scopes".
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw, Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.kinds import KINDS, MANAGED_FIELD, Kind
from reconciler.sandbox import tokens
from reconciler.sandbox.list_query import BadQueryError, Query, fields, query
from reconciler.sandbox.store import Store, UnknownSidError

PREFIX = "/core/v2"

# Every top-level value keeps the bytes in which it was sent: 0.010 does not become 0.01.
Object = dict[str, Raw]

# The member `message` of an error, by status.
_MESSAGES = {
    400: "bad request",
    401: "bad credentials",
    403: "forbidden",
    404: "no item error",
    405: "method not allowed",
    415: "unsupported media type",
    422: "object validation error",
}


class Options(Struct, frozen=True):
    """The limits of this instance of the API."""

    default_limit: int = 10
    """Records in a page if the request has no `limit`."""
    max_limit: int = 1000
    """The largest `limit` of a request; a larger one is answered with 400."""
    user_data_max_chars: int | None = None
    """The longest user_data, in characters; a longer one is answered with 422. None: no limit."""


def create_app(
    store: Store,
    options: Options,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """The application over a store; `clock` gives the time for `date_changed` of a write."""
    routes = []
    for kind in KINDS.values():
        collection = _Collection(kind, store, options, clock)
        path = f"{PREFIX}{kind.path}"
        routes.append(Route(path, collection.page, methods=["GET"]))
        routes.append(Route(f"{path}/{{sid}}", collection.read, methods=["GET"]))
        routes.append(Route(f"{path}/{{sid}}", collection.write, methods=["PATCH", "PUT"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _answer_error})
    app.router.redirect_slashes = False  # a path with a trailing slash is answered with 404
    return app


class _Collection:
    """The endpoints of one kind: list, read and write."""

    def __init__(
        self, kind: Kind, store: Store, options: Options, clock: Callable[[], datetime]
    ) -> None:
        self._kind = kind
        self._store = store
        self._options = options
        self._clock = clock

    async def page(self, request: Request) -> Response:
        """A page of the list as JSON.

        400 for a bad parameter, 404 for an `after` or `before` that names no record, 401 and 403
        for the token.
        """
        _authorize(request, (self._kind.scopes.manage, self._kind.scopes.read))
        try:
            asked = query(
                self._kind,
                request.query_params,
                default_limit=self._options.default_limit,
                max_limit=self._options.max_limit,
            )
            items, more = self._store.page(self._kind, asked)
        except BadQueryError as error:
            raise _refused(400, str(error)) from None
        except UnknownSidError:
            raise _refused(404, "cannot find item by sid") from None
        return _json(self._envelope(asked, items, request, more=more))

    async def read(self, request: Request) -> Response:
        """One object as JSON, limited to `includeFields` if the request has it."""
        _authorize(request, (self._kind.scopes.manage, self._kind.scopes.read))
        try:
            names = fields(self._kind, request.query_params)
        except BadQueryError as error:
            raise _refused(400, str(error)) from None
        return _json(_narrowed(self._stored(request), names))

    async def write(self, request: Request) -> Response:
        """Writes user_data and returns the whole object, for PATCH and PUT.

        A PUT body must hold every field of the object, a PATCH body any of them. Fields other than
        user_data must keep their value (422).
        """
        _authorize(request, (self._kind.scopes.manage, self._kind.scopes.update))
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind.strip().lower() != "application/json":
            raise _refused(415)
        try:
            sent = msgspec.json.decode(await request.body(), type=Object)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ClientDisconnect):
            raise _refused(400, "no JSON object could be decoded") from None
        with self._store.transaction():  # no other write may come between read and write
            held = _members(self._stored(request))
            self._check(sent, held, whole=request.method == "PUT")
            if MANAGED_FIELD in sent:
                held[MANAGED_FIELD] = sent[MANAGED_FIELD]
                if "date_changed" in held:  # old objects lack it
                    held["date_changed"] = Raw(msgspec.json.encode(self._moved(held)))
                body = msgspec.json.encode(held).decode()
                self._store.replace(self._kind, _sid(request), body)
        return _json(msgspec.json.encode(held).decode())

    def _stored(self, request: Request) -> str:
        """The JSON text of the object in the path; refused with 404 if it does not exist."""
        body = self._store.get(self._kind, _sid(request))
        if body is None:
            raise _refused(404, "cannot find item by sid")
        return body

    def _check(self, sent: Object, held: Object, *, whole: bool) -> None:
        """Refuses with 422 a body that changes other fields; with `whole` also a missing field."""
        missing = held.keys() - sent.keys() if whole else ()
        for name in sorted(missing):
            raise _refused(422, "this field is required", name)
        for name, value in sent.items():
            if name == MANAGED_FIELD:
                self._check_user_data(value)
            elif name not in held:
                raise _refused(422, "this field is unknown", name)
            elif bytes(value) != bytes(held[name]) and _exact(value) != _exact(held[name]):
                raise _refused(422, "this field cannot be modified", name)

    def _check_user_data(self, value: Raw) -> None:
        try:
            text = msgspec.json.decode(value, type=str | None)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _refused(422, "not a string", MANAGED_FIELD) from None
        most = self._options.user_data_max_chars
        if text is not None and most is not None and len(text) > most:
            raise _refused(422, f"the maximum length is {most} characters", MANAGED_FIELD)

    def _moved(self, held: Object) -> str:
        """The new `date_changed`: now, and at least 1 ms after the old one."""
        before = datetime.fromisoformat(msgspec.json.decode(held["date_changed"], type=str))
        now = max(self._clock(), before + timedelta(milliseconds=1))
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _envelope(
        self, asked: Query, items: list[tuple[str, str]], request: Request, *, more: bool
    ) -> str:
        """The JSON text of a page: counts, links to other pages, and the objects."""
        total = None
        if self._kind.counted:
            total = self._store.total(self._kind, asked.where)
        head = {
            "count": len(items),
            "has_more": more,
            "limit": asked.limit,
            "offset": asked.offset,
            "pagination": self._pagination(asked, items, request, more=more),
            "total": total,
        }
        bodies = ",".join([_narrowed(body, asked.fields) for _, body in items])
        # The objects are JSON text already; to decode and encode a thousand of them is slow.
        return f'{msgspec.json.encode(head).decode()[:-1]},"items":[{bodies}]}}'

    def _pagination(
        self, asked: Query, items: list[tuple[str, str]], request: Request, *, more: bool
    ) -> dict[str, str]:
        """The addresses of the `next` and `previous` page, those that exist.

        They use `after` and `before` if the request did, or if the kind has no total; otherwise
        `offset`.
        """
        collection = str(request.url.replace(query=None))
        by_sid = asked.after or asked.before or (asked.offset == 0 and not self._kind.counted)
        pages = {}
        if items and by_sid:
            later, earlier = items[-1][0], items[0][0]
            if more or asked.before:
                pages["next"] = asked.url(collection, after=later, limit=asked.limit, offset=0)
            if asked.after or (more and asked.before):
                pages["previous"] = asked.url(
                    collection, before=earlier, limit=asked.limit, offset=0
                )
        elif not by_sid:
            step = asked.limit
            if more:
                pages["next"] = asked.url(collection, limit=step, offset=asked.offset + step)
            if asked.offset:
                back = max(0, asked.offset - step)
                pages["previous"] = asked.url(collection, limit=step, offset=back)
        return pages


def _exact(value: Raw) -> object:
    """A value in which 310, 310.0 and true are not equal to each other, as in JSON text."""
    return json.loads(bytes(value), parse_int=_Spelled, parse_float=_Spelled)


class _Spelled(Struct, frozen=True):
    """A number, compared by its text."""

    number: str
    """Its characters in the JSON text."""


class _Refusal(HTTPException):
    """A response with an error status and the API's list of errors."""

    def __init__(self, status: int, errors: list[dict[str, str | None]]) -> None:
        super().__init__(status)
        self.errors = errors
        """The member `errors` of the response: `field`, `message`, `reference_sid` of each."""


def _refused(status: int, detail: str | None = None, field: str | None = None) -> _Refusal:
    """An error response with one entry, or with none if there is no detail."""
    error = {"field": field, "message": detail, "reference_sid": None}
    return _Refusal(status, [error] if detail else [])


async def _answer_error(_: Request, error: Exception) -> Response:
    """The API's error document: `{"message": ..., "errors": [...]}`."""
    status = getattr(error, "status_code", 500)
    body = {
        "message": _MESSAGES.get(status, "error"),
        "errors": getattr(error, "errors", []),
    }
    return _json(msgspec.json.encode(body).decode(), status)


def _authorize(request: Request, needed: Iterable[str]) -> None:
    """Refuses a request without a known token (401) or without one of the needed scopes (403)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or token not in tokens.SCOPES:
        raise _refused(401)
    if tokens.SCOPES[token].isdisjoint(needed):
        raise _refused(403)


def _sid(request: Request) -> str:
    """The SID in the path, in lower case, as the store holds it."""
    return str(request.path_params["sid"]).lower()


def _narrowed(body: str, names: tuple[str, ...]) -> str:
    """The object with the named fields only; the whole object if no field is named."""
    if not names:
        return body
    held = _members(body)
    return msgspec.json.encode({name: held[name] for name in names if name in held}).decode()


def _json(body: str, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def _members(body: str) -> Object:
    """The members of a stored object, each as its JSON text."""
    try:
        return msgspec.json.decode(body, type=Object)
    except msgspec.DecodeError:
        # msgspec refuses a text with an unpaired surrogate, which an API may hold (RFC 8259, 8.2).
        return {name: Raw(json.dumps(value).encode()) for name, value in json.loads(body).items()}
