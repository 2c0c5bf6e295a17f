"""Values, records and groups -> what may stand in a cell of a table, or anywhere else."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.diff import Op, Place
from reconciler.escape import code, visible
from reconciler.grouping import Group, differences
from reconciler.model import Change, Source
from reconciler.render import places
from reconciler.render.markdown.setting import Around
from reconciler.render.records import how_many, why
from reconciler.value import Steps

VALUE_CHARS = 80
NAME_CHARS = 200
KEYS_OF_A_CHANGE = 6

MARKS: dict[Op, str] = {"add": "➕", "replace": "🔄", "remove": "➖"}


def span(text: str) -> str:
    """A stranger's name, in a code span."""
    return code(_named(visible(text)) or " ", in_table=True)


def record(change: Change, around: Around) -> str:
    """An address; where there is a report, it leads there."""
    return linked(span(str(change.address)), f"sid={change.address.sid}", around)


def linked(shown: str, fragment: str, around: Around) -> str:
    """A text that leads to a place in the report, where there is one."""
    report = around.links.report
    return f"[{shown}]({report}#{fragment})" if report else shown


def where(source: Source) -> str:
    """The file and the line of a record."""
    return code(f"{_named(visible(source.file))}:{source.line}", in_table=True)


def of_group(group: Group) -> str:
    """What a group does, key by key."""
    parts = [
        place(one.place, any_item=not group.exact)
        if one.values == 1
        else f"{MARKS[one.op]} {name(one.steps, any_item=True)}: {one.values:,} different values"
        for one in differences(group)
    ]
    return _listed(parts)


def of_places(found: Iterable[Place]) -> str:
    """What differs in one record, key by key."""
    return _listed([place(one) for one in found])


def place(one: Place, *, any_item: bool = False) -> str:
    """A key and what comes, what goes, or both."""
    whole = not one.steps
    old, new = places.shown(one.before, whole=whole), places.shown(one.after, whole=whole)
    head = f"{MARKS[one.op]} {name(one.steps, any_item=any_item)}"
    if one.op == "add":
        return f"{head} = {value(new)}"
    if one.op == "remove":
        return f"{head}: {value(old)}"
    start = _first_difference(old, new)
    return f"{head}: {value(old, start)} → {value(new, start)}"


def value(shown: str, start: int = 0) -> str:
    """A value; of a long one the part that differs, its length, and what tells it from others."""
    if len(shown) <= VALUE_CHARS:
        return code(shown, in_table=True)
    begin = max(0, min(start - VALUE_CHARS // 4, len(shown) - VALUE_CHARS))
    part = code(_part(shown, begin, VALUE_CHARS), in_table=True)
    return f"{part} ({len(shown):,} characters, {places.mark_of(shown)})"


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
    return how_many(number)


def count(number: int, what: str) -> str:
    """`1 guard`, `2 guards`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _listed(parts: Sequence[str]) -> str:
    rest = len(parts) - KEYS_OF_A_CHANGE
    shown = "; ".join(parts[:KEYS_OF_A_CHANGE])
    return f"{shown}; and {count(rest, 'more key')}" if rest > 0 else shown


def name(steps: Steps, *, any_item: bool = False) -> str:
    """A key, or the way to it."""
    return code(_named(places.name(steps, any_item=any_item)), in_table=True)


def _named(shown: str) -> str:
    """A name; of a long one the beginning, and what tells it from others."""
    if len(shown) <= NAME_CHARS:
        return shown
    return f"{_part(shown, 0, NAME_CHARS)} {places.mark_of(shown)}"


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
