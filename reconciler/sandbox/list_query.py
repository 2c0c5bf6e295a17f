"""The list parameters of the API -> SQL over stored objects.

Source: docs.carrierx.com, "Filtering" and "Pagination". What the pages do not allow is refused: a
client that works here must not depend on a guess.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import urlencode

from msgspec import Struct

from reconciler.kinds import MANAGED_FIELD, Kind

Value: TypeAlias = "str | int | float"

_OPERATORS = {"eq": "=", "gt": ">", "ge": ">=", "lt": "<"}
_CONDITION = re.compile(
    r"""\s*(?P<name>[a-z][a-z0-9_.]*)\s+(?P<op>eq|gt|ge|lt|like)\s+
        (?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'()]+))
        \s*(?P<rest>$|and\s)""",
    re.VERBOSE,
)
_DIGITS_OF_AN_INTEGER = 18
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


class BadQueryError(Exception):
    """A list parameter that the API does not know; the message is for the answer."""


class Where(Struct, frozen=True):
    """A condition in SQL, its values apart."""

    sql: str = "1"
    values: tuple[Value, ...] = ()

    def __and__(self, other: "Where") -> "Where":
        return Where(f"{self.sql} AND {other.sql}", self.values + other.values)


class Order(Struct, frozen=True):
    """What a list is sorted by; `seq`, the order of creation, where nothing is said."""

    column: str = "seq"
    descending: bool = False
    shuffled: bool = False


class Query(Struct, frozen=True):
    """One list request, checked."""

    where: Where
    order: Order
    limit: int
    offset: int
    after: str | None
    before: str | None
    fields: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]  # what the next page's address repeats

    def url(self, collection: str, **changed: str | int) -> str:
        """The address of another page of the same list."""
        return f"{collection}?{urlencode([*self.kept, *changed.items()])}"


def query(
    kind: Kind, parameters: Mapping[str, str], *, default_limit: int, max_limit: int
) -> Query:
    """The list request that a URL's parameters ask for; BadQueryError says what is wrong."""
    after, before = parameters.get("after"), parameters.get("before")
    offset = _whole(parameters, "offset", 0, 0, None)
    if after and before:
        raise BadQueryError("after and before do not go together")
    if offset and (after or before):
        raise BadQueryError("offset does not go with after or before")
    order = _order(kind, parameters.get("order"))
    by_date = order.column == "seq" or ".date_" in order.column
    if (after or before) and (order.shuffled or not by_date):
        raise BadQueryError("after and before allow sorting by dates only")
    return Query(
        where=_filter(kind, parameters.get("filter")),
        order=order,
        limit=_whole(parameters, "limit", default_limit, 1, max_limit),
        offset=offset,
        after=after,
        before=before,
        fields=fields(kind, parameters),
        kept=tuple(
            (name, parameters[name])
            for name in ("filter", "order", "includeFields")
            if name in parameters
        ),
    )


def fields(kind: Kind, parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The names in `includeFields`, none for all of them."""
    names = tuple(filter(None, parameters.get("includeFields", "").split(",")))
    for name in names:
        _known(kind, name)
    return names


def _whole(
    parameters: Mapping[str, str], name: str, default: int, least: int, most: int | None
) -> int:
    text = parameters.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", text):
        raise BadQueryError(f"{name} is not a number")
    number = int(text)
    if number < least or (most is not None and number > most):
        raise BadQueryError(f"{name} is out of range")
    return number


def _order(kind: Kind, text: str | None) -> Order:
    if not text:
        return Order()
    if text == "shuffle":
        return Order(shuffled=True)
    name, _, direction = text.partition(" ")
    if direction not in ("", "asc", "desc"):
        raise BadQueryError("order is not understood")
    return Order(_column(kind, name), direction == "desc")


def _filter(kind: Kind, text: str | None) -> Where:
    where = Where()
    rest = text
    while rest:
        condition = _CONDITION.match(rest)
        if condition is None:
            raise BadQueryError("filter is not understood")
        rest = rest[condition.end() :]
        if condition["rest"] and not rest.strip():
            raise BadQueryError("filter ends after `and`")
        where &= _condition(kind, condition)
    return where


def _condition(kind: Kind, condition: re.Match[str]) -> Where:
    column = _column(kind, condition["name"])
    texts: Sequence[str | None] = condition.group("double", "single", "bare")
    text = next(text for text in texts if text is not None)
    if condition["op"] == "like":
        # `%` is the API's only wildcard; in SQL `_` would be one too.
        pattern = text.replace("\\", "\\\\").replace("_", "\\_")
        return Where(rf"{column} LIKE ? ESCAPE '\'", (pattern,))
    operator = _OPERATORS[condition["op"]]
    if condition["bare"] and _NUMBER.fullmatch(text):
        # SQLite's integers have 64 bits.
        number = (
            int(text) if len(text) <= _DIGITS_OF_AN_INTEGER and "." not in text else float(text)
        )
        typed = f"typeof({column}) IN ('integer', 'real')"
        sql = f"CASE WHEN {typed} THEN {column} {operator} ? ELSE {column} {operator} ? END"
        return Where(sql, (number, text))
    if condition["name"].startswith("date_"):
        text = _moment(text)
    elif column == "sid":
        text = text.lower()
    return Where(f"{column} {operator} ?", (text,))


def _moment(text: str) -> str:
    """A date in the spelling of the stored ones, so that comparing texts compares moments."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        written = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        raise BadQueryError("filter compares a date with no date") from None
    return written.replace("+00:00", "Z")


def _column(kind: Kind, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadQueryError(f"{name[:64]} is not an attribute")
    _known(kind, name.partition(".")[0])
    # Of [a-z0-9_.] alone, the name cannot leave the quotes; written out, it is the expression that
    # the date indexes were made for.
    return "sid" if name == kind.sid_field else f"json_extract(body, '$.{name}')"


def _known(kind: Kind, name: str) -> None:
    if name not in kind.read_only and name != MANAGED_FIELD:
        raise BadQueryError(f"{name[:64]} is not an attribute")
