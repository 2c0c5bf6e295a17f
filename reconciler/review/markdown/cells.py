"""Values, records and groups -> markdown that is safe in a table cell and anywhere else."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.escape.text import code, short_digest, visible
from reconciler.model import Change, Source
from reconciler.review import value_text
from reconciler.review.grouping import Group, KeyChange, key_changes, losses_first
from reconciler.review.markdown.detail_levels import CommentContext
from reconciler.review.text.change_text import why
from reconciler.values.diff import Difference, Op
from reconciler.values.json_pointer import KeyPath
from reconciler.wording import plural

# Longer values and names are shortened, in characters of the escaped text.
VALUE_CHARS = 80
NAME_CHARS = 200

# The most bytes of a character in UTF-8. Room is measured in bytes: a text that `code` makes
# longer, such as one of many spaces, is cut to fewer characters.
_CHAR_BYTES = 4

# The longest fragment of a link; browsers accept more, but it would make the row too long.
_FRAGMENT_CHARS = 1000

MARKS: dict[Op, str] = {"add": "➕", "replace": "🔄", "remove": "➖"}


def span(text: str) -> str:
    """A name or message from outside in a code span; a long one is shortened."""
    # CommonMark has no empty code span: two backticks alone would be shown as they are.
    return code(_named(visible(text)) or " ", in_table=True)


def record(change: Change, context: CommentContext) -> str:
    """The address of a record, linked to the record in the HTML report if there is one."""
    return linked(span(str(change.address)), f"sid={change.address.sid}", context)


def linked(shown: str, fragment: str, context: CommentContext) -> str:
    """A text with a link into the HTML report: `[G1](https://ci.example/plan.html#g=G1)`.

    Without a report, or if the fragment is too long, it is the text alone.
    """
    report = context.links.report if len(fragment) <= _FRAGMENT_CHARS else ""
    return f"[{shown}]({report}#{fragment})" if report else shown


def source(source: Source) -> str:
    """The file and line of a record: `manifests/a.yaml:4`."""
    # The line follows the shortened name: at the end of a long name it would be cut off.
    return code(f"{_named(visible(source.file))}:{source.line}", in_table=True)


def of_group(group: Group, keys: int) -> str:
    """The changes of a group, of its first `keys` keys; the text ends with the number of others.

    A key whose values differ within the group shows how many different values there are.
    """
    found = key_changes(group)
    parts = [
        difference(one.difference, any_item=not group.exact)
        if one.values == 1
        else f"{_mark(one)} {name(one.path, any_item=True)}: {one.values:,} different values"
        for one in found[:keys]
    ]
    return _listed(parts, found)


def of_places(found: Iterable[Difference], keys: int) -> str:
    """The first `keys` differences of one record, those that lose data first."""
    ordered = losses_first(found)
    return _listed([difference(one) for one in ordered[:keys]], ordered)


def difference(one: Difference, *, any_item: bool = False) -> str:
    """A key with its new value, its old value, or both: "🔄 `n`: `1` → `2`"."""
    whole = not one.path
    old, new = (
        value_text.value_text(one.before, whole=whole),
        value_text.value_text(one.after, whole=whole),
    )
    head = f"{_mark(one)} {name(one.path, any_item=any_item)}"
    if one.op == "add":
        return f"{head} = {value(new)}"
    if one.op == "remove":
        return f"{head}: {value(old)}"
    # Cut at their beginning, two long values that differ later would look the same.
    start = _first_difference(old, new)
    return f"{head}: {value(old, start)} → {value(new, start)}"


def _mark(one: Difference | KeyChange) -> str:
    """The mark of an operation. A replaced value that loses data has the mark of a removal."""
    return MARKS["remove" if one.loses else one.op]


def value(shown: str, start: int = 0) -> str:
    """A value in a code span; a long one as the part at `start`, its length and its hash.

    `start` is an index of `shown`: the first character that differs from the other value.
    """
    part = _cut(shown, VALUE_CHARS, start)
    if part == shown:
        return code(shown, in_table=True)
    size = f"{len(shown):,} characters, {short_digest(shown)}"
    return f"{code(part, in_table=True)} ({size})"


def table(head: str, rule: str, rows: Iterable[str]) -> Iterator[str]:
    """The lines of a table and an empty line; nothing if there are no rows."""
    started = False
    for row in rows:
        if not started:
            yield from (head, rule)
            started = True
        yield row
    if started:
        yield ""


def folded(title: str, lines: Iterable[str], *, opened: bool = False) -> Iterator[str]:
    """Lines inside `<details>`; hosts render the markdown in it only between empty lines."""
    yield from (f"<details{' open' if opened else ''}><summary>{title}</summary>", "")
    yield from lines
    yield from ("", "</details>", "")


def more(rest: int) -> Iterator[str]:
    """The line `... and 3 more`; nothing if `rest` is not positive."""
    if rest > 0:
        yield f"... and {rest:,} more"


def _listed(parts: Sequence[str], found: Sequence[Difference | KeyChange]) -> str:
    """The parts and the number of differences without one, with those among them that lose data.

    `found` are all differences; `parts` belong to the first of them.
    """
    rest = found[len(parts) :]
    # A record may lose more keys than its row has room for, although losses come first.
    lost = sum(one.loses for one in rest)
    more = f"{plural(len(rest), 'more key')}{f', {lost:,} of them lost' if lost else ''}"
    return "; ".join([*parts, f"and {more}"] if rest else parts)


def name(path: KeyPath, *, any_item: bool = False) -> str:
    """The path of a key in a code span: `owner.phones[0]`; with `any_item` `owner.phones[]`."""
    return code(_named(value_text.key_name(path, any_item=any_item)), in_table=True)


def _named(shown: str) -> str:
    """A name; a long one as its beginning and its hash, so that no two look the same."""
    part = _cut(shown, NAME_CHARS)
    return shown if part == shown else f"{part} {short_digest(shown)}"


def _cut(shown: str, most: int, start: int = 0) -> str:
    """The part of a text around `start`: at most `most` characters, and about four bytes for each.

    The length is halved until the code span of the part fits.
    """
    chars = most
    while True:
        begin = max(0, min(start - chars // 4, len(shown) - chars))
        part = _part(shown, begin, chars)
        room = len(code(part, in_table=True).encode())
        if chars == 1 or room <= _CHAR_BYTES * (most + 1):
            return part
        chars //= 2


def _part(shown: str, begin: int, chars: int) -> str:
    head = "…" if begin else ""
    tail = "…" if begin + chars < len(shown) else ""
    return f"{head}{shown[begin : begin + chars]}{tail}"


def _first_difference(old: str, new: str) -> int:
    """The first index where two texts differ; the length of the shorter one if it begins both."""
    return next(
        (index for index, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )


def heading(change: Change) -> str:
    """The line above the differences of a record in a diff: its address, source and action."""
    source = f"{visible(change.source.file)}:{change.source.line}"
    return f"# {change.address}  {source}  {why(change)}"
