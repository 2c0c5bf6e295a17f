"""One change, or a group of similar changes -> lines for people."""

from collections.abc import Callable, Iterator
from functools import cache

from reconciler.escape.text import visible
from reconciler.model import Action, Change, Conflict, Origin, Plan, Source
from reconciler.review import value_text
from reconciler.review.colours import Paint
from reconciler.review.grouping import Effect, Group, KeyChange, key_changes, mask_of
from reconciler.values.canonical import structure
from reconciler.values.diff import Difference, Op
from reconciler.values.json_pointer import value_at
from reconciler.wording import plural

_ACTION_MARKS: dict[Action, Op] = {
    Action.SET: "add",
    Action.CHANGE: "replace",
    Action.CLEAR: "remove",
}

# A group lists its first three records. A group that loses data lists them all, up to 200: a
# reviewer has to see each loss, and does not read a longer list.
_NAMED_OF_A_GROUP = 3
_NAMED_OF_A_LOSS = 200


def change(
    change: Change, found: tuple[Difference, ...], paint: Paint, width: int, *, origin: bool
) -> Iterator[str]:
    """The address, file and action of a change, and a line or more for each difference.

    `origin`: whether a base is known, so that the origin means something and is shown.
    """
    yield f"  {paint.changed('~')} {paint.strong(str(change.address))}"
    yield f"      {paint.dim(where(change.source))}  {_action(change, paint, origin=origin)}"
    yield from value_text.difference_lines(found, paint, width)


def group(group: Group, paint: Paint, width: int, *, origin: bool) -> Iterator[str]:
    """The change that the records of a group have in common, and their addresses.

    `origin` is as in `change`. The first three records are listed; of a group that loses data the
    first 200.
    """
    count = paint.strong(plural(group.count, "record"))
    yield f"  {paint.changed('~')} {count} alike ({group.name})"
    yield f"      {_action(group.first, paint, origin=origin)}"
    if group.exact:
        yield from value_text.difference_lines(group.differences, paint, width)
    else:
        yield from value_text.key_change_lines(key_changes(group), paint)
    most = _NAMED_OF_A_LOSS if group.effect is Effect.REMOVES else _NAMED_OF_A_GROUP
    for one, found in group.members[:most]:
        yield f"      {one.address}  {paint.dim(where(one.source))}"
        if not group.exact:
            # `width - 4`: the four spaces must not push a full line beyond the terminal.
            yield from (
                f"    {line}" for line in value_text.difference_lines(found, paint, width - 4)
            )
    if group.count > most:
        yield f"      ... and {group.count - most:,} more (--verbose lists them)"


def concise(group: Group, paint: Paint, *, origin: bool) -> Iterator[str]:
    """A group in one line, an outlier in one line a record: keys, and values where all agree.

    `origin` is as in `change`.
    """
    mark = value_text.painted(_ACTION_MARKS[group.first.action], "~", paint)
    if group.exact:
        keys = "  ".join(value_text.brief_difference(one, paint) for one in group.differences)
    else:
        keys = "  ".join(
            value_text.painted(op, f"{value_text.MARKS[op]} {name}", paint)
            for found in key_changes(group)
            for name in (value_text.key_name(found.path, any_item=True),)
            for op in (_worst(found),)
        )
    known = origin and group.first.origin is not Origin.CHANGE
    why = f"  ({group.first.origin})" if known else ""
    if group.outlier:
        for one, _ in group.members:
            head = f"  {mark} {paint.strong(str(one.address))}"
            yield f"{head}  {keys}{why}  {paint.dim(where(one.source))}"
    else:
        head = f"  {mark} {paint.strong(plural(group.count, 'record'))} alike ({group.name})"
        yield f"{head}  {keys}{why}"


def _worst(found: KeyChange) -> Op:
    # A text that becomes empty is a `replace`; the sign `~` would hide the loss.
    return "remove" if found.loses else found.op


def sides(conflict: Conflict, plan: Plan) -> Callable[[str], list[tuple[str, str]]]:
    """A function from a path of a conflict (JSON Pointer) to the value of each side.

    For example `[("base", "1"), ("git", "2"), ("live", "(nothing)")]`; sensitive values are masked.
    """
    mask = mask_of(plan, conflict)
    # Without the cache each text is parsed once for each path: a conflict of many keys takes
    # time in the square of their number.
    read = cache(structure if mask is None else mask.text)
    held = {"base": conflict.base, "git": conflict.wanted, "live": conflict.live}

    def at(path: str) -> list[tuple[str, str]]:
        # Parsed, two layouts of the same JSON would look the same, although the texts differ.
        as_it_is = mask is None and not path
        found = {
            side: value_at(text, path, None if as_it_is else read) for side, text in held.items()
        }
        return [
            (side, value_text.value_text(value, whole=not path) if there else "(nothing)")
            for side, (there, value) in found.items()
        ]

    return at


def where(source: Source) -> str:
    """The file and line of a record, as in `manifests/a.yaml:2`."""
    return f"{visible(source.file)}:{source.line}"


def why(change: Change, *, origin: bool = True) -> str:
    """The action and, if a base is known, the origin: `change (origin: drift)`."""
    facts = [f"origin: {change.origin}"] if origin else []
    facts += ["no longer in git"] if change.released else []
    return f"{change.action} ({', '.join(facts)})" if facts else str(change.action)


def _action(change: Change, paint: Paint, *, origin: bool) -> str:
    action, _, rest = why(change, origin=origin).partition(" ")
    shown = value_text.painted(_ACTION_MARKS[change.action], action, paint)
    return f"{shown} {rest}" if rest else shown
