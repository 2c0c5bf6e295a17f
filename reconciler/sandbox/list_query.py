"""The parameters of a list request -> SQL over stored objects.

Source: docs.carrierx.com, "Filtering" and "Pagination". Parameters that these pages do not document
are refused, so that a client that works here depends on documented behaviour only.
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
# SQLite's integers have 64 bits, which hold every number of 18 digits.
_DIGITS_OF_AN_INTEGER = 18
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


class BadQueryError(Exception):
    """A list parameter that the API does not document; the message is for the 400 response."""


class Where(Struct, frozen=True):
    """A condition in SQL, with its values as parameters."""

    sql: str = "1"
    """The expression with a `?` for each value; `1` is always true."""
    values: tuple[Value, ...] = ()
    """The values, in the order of the `?`."""

    def __and__(self, other: "Where") -> "Where":
        return Where(f"{self.sql} AND {other.sql}", self.values + other.values)


class Order(Struct, frozen=True):
    """The order of a list."""

    column: str = "seq"
    """The SQL expression to sort by; `seq` is the order of creation."""
    descending: bool = False
    """Whether the largest value comes first."""
    shuffled: bool = False
    """Whether the order is random; `column` is not used then."""


class Query(Struct, frozen=True):
    """One list request, checked."""

    where: Where
    """The condition of `filter`."""
    order: Order
    """The order of `order`."""
    limit: int
    """The most records in the page."""
    offset: int
    """The number of records to skip."""
    after: str | None
    """The SID after which the page begins; None without `after`."""
    before: str | None
    """The SID before which the page ends; None without `before`."""
    fields: tuple[str, ...]
    """The fields to return (`includeFields`); empty for all of them."""
    kept: tuple[tuple[str, str], ...]
    """The parameters that the addresses of other pages repeat, as names and values."""

    def url(self, collection: str, **changed: str | int) -> str:
        """The address of another page of the same list; `changed` are its further parameters."""
        return f"{collection}?{urlencode([*self.kept, *changed.items()])}"


# SQLite nests the conditions, to 1,000 levels (sqlite.org/limits.html).
MAX_CONDITIONS = 100


def query(
    kind: Kind, parameters: Mapping[str, str], *, default_limit: int, max_limit: int
) -> Query:
    """The list request of a URL's parameters.

    Raises BadQueryError for a parameter or a combination that the API does not document.
    """
    after, before = parameters.get("after"), parameters.get("before")
    offset = _whole(parameters, "offset", 0, 0, None)
    if after and before:
        raise BadQueryError("after and before cannot be used together")
    if offset and (after or before):
        raise BadQueryError("offset cannot be used with after or before")
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
    """The field names in `includeFields`, empty for all of them.

    Raises BadQueryError for a field that the kind does not have.
    """
    names = tuple(filter(None, parameters.get("includeFields", "").split(",")))
    for name in names:
        _known(kind, name)
    return names


def _whole(
    parameters: Mapping[str, str], name: str, default: int, least: int, most: int | None
) -> int:
    """A number of 1 to 9 digits from `least` to `most`; `most=None` means no maximum."""
    text = parameters.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", text):
        raise BadQueryError(f"{name} is not a number")
    number = int(text)
    if number < least or (most is not None and number > most):
        raise BadQueryError(f"{name} is out of range")
    return number


def _order(kind: Kind, text: str | None) -> Order:
    """The order of a text such as `date_start desc` or `shuffle`."""
    if not text:
        return Order()
    if text == "shuffle":
        return Order(shuffled=True)
    name, _, direction = text.partition(" ")
    if direction not in ("", "asc", "desc"):
        raise BadQueryError("order cannot be parsed")
    return Order(_column(kind, name), direction == "desc")


def _filter(kind: Kind, text: str | None) -> Where:
    """The SQL of conditions that are joined by `and`; the API documents no `or` and no groups."""
    where = Where()
    rest = text
    for _ in range(MAX_CONDITIONS + 1):
        if not rest:
            return where
        condition = _CONDITION.match(rest)
        if condition is None:
            raise BadQueryError("filter cannot be parsed")
        rest = rest[condition.end() :]
        if condition["rest"] and not rest.strip():
            raise BadQueryError("filter ends after `and`")
        where &= _condition(kind, condition)
    raise BadQueryError(f"filter has more than {MAX_CONDITIONS} conditions")


def _condition(kind: Kind, condition: re.Match[str]) -> Where:
    """The SQL of one condition such as `date_start ge "2025-01-01"`."""
    column = _column(kind, condition["name"])
    texts: Sequence[str | None] = condition.group("double", "single", "bare")
    text = next(text for text in texts if text is not None)
    if condition["op"] == "like":
        # `%` is the API's only wildcard; in SQL `_` would be one too.
        pattern = text.replace("\\", "\\\\").replace("_", "\\_")
        return Where(rf"{column} LIKE ? ESCAPE '\'", (pattern,))
    operator = _OPERATORS[condition["op"]]
    if condition["bare"] and _NUMBER.fullmatch(text):
        # A longer number is compared as a float. A field that holds text is compared with the
        # text of the number.
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
    """A date in the format of the stored ones, so that comparing texts compares times."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        written = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        raise BadQueryError("filter compares a date with a text that is not a date") from None
    return written.replace("+00:00", "Z")


def _column(kind: Kind, name: str) -> str:
    """The SQL expression of a field, or of a member of one: `json_extract(body, '$.status')`."""
    if not _NAME.fullmatch(name):
        raise BadQueryError(f"{name[:64]} is not an attribute")
    _known(kind, name.partition(".")[0])
    # A name of [a-z0-9_.] cannot end the quoted text (SQL injection). It is not a parameter,
    # because SQLite uses the date indexes only for the exact expression that they were created with
    # (sqlite.org/expridx.html).
    return "sid" if name == kind.sid_field else f"json_extract(body, '$.{name}')"


def _known(kind: Kind, name: str) -> None:
    """Raises BadQueryError for a field that the kind does not have."""
    if name not in kind.read_only and name != MANAGED_FIELD:
        raise BadQueryError(f"{name[:64]} is not an attribute")
