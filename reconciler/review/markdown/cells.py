"""Values, records and groups -> what may stand in a cell of a table, or anywhere else."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.escape import code, mark_of, visible
from reconciler.model import Change, Source
from reconciler.review import value_text
from reconciler.review.change_text import count_records, why
from reconciler.review.grouping import Group, KeyChange, key_changes, losses_first
from reconciler.review.markdown.detail_levels import CommentContext
from reconciler.values.diff import Difference, Op
from reconciler.values.json_pointer import KeyPath

VALUE_CHARS = 80
NAME_CHARS = 200

# A character of UTF-8; what escapes make longer is cut as if it had more of them.
_CHAR_BYTES = 4

# What a link of a table may lead to; browsers take more, and rows should not.
_FRAGMENT_CHARS = 1000

MARKS: dict[Op, str] = {"add": "➕", "replace": "🔄", "remove": "➖"}


def span(text: str) -> str:
    """A stranger's name, in a code span."""
    return code(_named(visible(text)) or " ", in_table=True)


def record(change: Change, around: CommentContext) -> str:
    """An address; where there is a report, it leads there."""
    return linked(span(str(change.address)), f"sid={change.address.sid}", around)


def linked(shown: str, fragment: str, around: CommentContext) -> str:
    """A text that leads to a difference in the report, where there is one."""
    report = around.links.report if len(fragment) <= _FRAGMENT_CHARS else ""
    return f"[{shown}]({report}#{fragment})" if report else shown


def where(source: Source) -> str:
    """The file and the line of a record."""
    return code(f"{_named(visible(source.file))}:{source.line}", in_table=True)


def of_group(group: Group, keys: int) -> str:
    """What a group does, key by key, as far as so many keys."""
    found = key_changes(group)
    parts = [
        difference(one.difference, any_item=not group.exact)
        if one.values == 1
        else f"{_mark(one)} {name(one.path, any_item=True)}: {one.values:,} different values"
        for one in found[:keys]
    ]
    return _listed(parts, found)


def of_places(found: Iterable[Difference], keys: int) -> str:
    """What differs in one record, key by key, as far as so many keys."""
    ordered = losses_first(found)
    return _listed([difference(one) for one in ordered[:keys]], ordered)


def difference(one: Difference, *, any_item: bool = False) -> str:
    """A key and what comes, what goes, or both."""
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
    start = _first_difference(old, new)
    return f"{head}: {value(old, start)} → {value(new, start)}"


def _mark(one: Difference | KeyChange) -> str:
    """What is done to a key; one that loses what it held is as good as removed."""
    return MARKS["remove" if one.loses else one.op]


def value(shown: str, start: int = 0) -> str:
    """A value; of a long one the part that differs, its length, and what tells it from others."""
    part = _cut(shown, VALUE_CHARS, start)
    if part == shown:
        return code(shown, in_table=True)
    told = f"{len(shown):,} characters, {mark_of(shown)}"
    return f"{code(part, in_table=True)} ({told})"


def table(head: str, rule: str, rows: Iterable[str]) -> Iterator[str]:
    """A table; nothing where it would have no rows."""
    started = False
    for row in rows:
        if not started:
            yield from (head, rule)
            started = True
        yield row
    if started:
        yield ""


def folded(title: str, lines: Iterable[str], *, opened: bool = False) -> Iterator[str]:
    """Lines behind a title that opens them; hosts want the empty lines round them."""
    yield from (f"<details{' open' if opened else ''}><summary>{title}</summary>", "")
    yield from lines
    yield from ("", "</details>", "")


def more(rest: int) -> Iterator[str]:
    """How many are not listed, where some are not."""
    if rest > 0:
        yield f"... and {rest:,} more"


def records(number: int) -> str:
    """`1 record`, `4,815 records`."""
    return count_records(number)


def count(number: int, what: str) -> str:
    """`1 guard`, `2 guards`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _listed(parts: Sequence[str], found: Sequence[Difference | KeyChange]) -> str:
    """The parts, and how many there are beside them; losses are not passed over in silence."""
    rest = found[len(parts) :]
    lost = sum(one.loses for one in rest)
    more = f"{count(len(rest), 'more key')}{f', {lost:,} of them lost' if lost else ''}"
    return "; ".join([*parts, f"and {more}"] if rest else parts)


def name(path: KeyPath, *, any_item: bool = False) -> str:
    """A key, or the way to it."""
    return code(_named(value_text.key_name(path, any_item=any_item)), in_table=True)


def _named(shown: str) -> str:
    """A name; of a long one the beginning, and what tells it from others."""
    part = _cut(shown, NAME_CHARS)
    return shown if part == shown else f"{part} {mark_of(shown)}"


def _cut(shown: str, most: int, start: int = 0) -> str:
    """The part of a text around `start` that takes no more room than `most` characters ever do."""
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
    return next(
        (index for index, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )


def heading(change: Change) -> str:
    """The line above a record's differences in a diff."""
    source = f"{visible(change.source.file)}:{change.source.line}"
    return f"# {change.address}  {source}  {why(change)}"
