"""Values and differences of one record -> text for people, at any width."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from reconciler.escape.text import quoted
from reconciler.kinds import MANAGED_FIELD
from reconciler.review.colours import Paint
from reconciler.review.grouping import KeyChange
from reconciler.values.canonical import JsonValue, Number, canonical, structure
from reconciler.values.diff import Difference, Op
from reconciler.values.diff import line_diff as line_by_line
from reconciler.values.json_pointer import KeyPath
from reconciler.values.masking import Masked
from reconciler.wording import plural, shorten

MARKS: dict[Op, str] = {"add": "+", "replace": "~", "remove": "-"}

# Unchanged lines that are shown before and after each changed line.
_CONTEXT_LINES = 2


def difference_lines(found: tuple[Difference, ...], paint: Paint, width: int) -> Iterator[str]:
    """Each difference with its old and new value, on one line if they fit into `width` columns."""
    # Unlimited, one key of 900 characters would pad 2,000 short ones to its own length.
    longest = min(max(len(key_name(difference.path)) for difference in found), width // 3)
    for difference in found:
        yield from _place(difference, longest, paint, width)


def key_change_lines(found: Iterable[KeyChange], paint: Paint) -> Iterator[str]:
    """A line for each key of a group: the values, or their number if they are not the same."""
    for one in found:
        key, mark = key_name(one.path, any_item=True), MARKS[one.op]
        if one.values == 1:
            values = inline(one.difference, paint)
        else:
            values = paint.dim(f"{one.values:,} different values")
        yield f"{' ' * 6}{painted(one.op, mark, paint)} {key}: {values}"


def inline(difference: Difference, paint: Paint) -> str:
    """The added value, the removed value, or `"winter" -> "spring"`, on one line."""
    whole = not difference.path
    old, new = value_text(difference.before, whole=whole), value_text(difference.after, whole=whole)
    if difference.op == "add":
        return paint.added(_part(new, 0))
    if difference.op == "remove":
        return paint.removed(_part(old, 0))
    return f"{paint.removed(old)} -> {paint.added(new)}"


# A value in a line of its own would hide the other keys.
BRIEF_CHARS = 40


def brief_difference(difference: Difference, paint: Paint) -> str:
    """A difference as `~ campaign: "winter" -> "spring"`, with long values cut."""
    # A text that becomes empty is a `replace`; the sign `~` would hide the loss.
    op: Op = "remove" if difference.loses else difference.op
    whole = not difference.path
    old, new = (
        shorten(value_text(value, whole=whole), BRIEF_CHARS)
        for value in (difference.before, difference.after)
    )
    values = {"add": new, "remove": old, "replace": f"{old} -> {new}"}[difference.op]
    return painted(op, f"{MARKS[op]} {key_name(difference.path)}: {values}", paint)


def _place(difference: Difference, name_width: int, paint: Paint, width: int) -> Iterator[str]:
    mark = MARKS[difference.op]
    name = f"{key_name(difference.path)}:"
    head = f"{' ' * 6}{painted(difference.op, mark, paint)} {name:<{name_width + 1}}"
    whole = not difference.path
    old, new = value_text(difference.before, whole=whole), value_text(difference.after, whole=whole)
    # 14: six spaces, the sign, a space, the colon, a space and ` -> `.
    if difference.op != "replace" or len(old) + len(new) + name_width + 14 <= width:
        yield f"{head} {inline(difference, paint)}"
    else:
        yield head.rstrip()
        for sign, line in _over_lines(difference, old, new):
            colour = {"-": paint.removed, "+": paint.added, " ": paint.dim}[sign]
            yield f"{' ' * 10}{colour(f'{sign} {line}')}"


def _over_lines(difference: Difference, old: str, new: str) -> Iterator[tuple[str, str]]:
    """Signs and lines: both values, or of texts of several lines the changed lines with context.

    For example `("-", "old line")`; the sign of an unchanged line is a space.
    """
    before, after = difference.before, difference.after
    # `Number` and `Masked` are subclasses of str but not texts of the record: compare the type.
    if not (type(before) is str and type(after) is str and "\n" in before + after):
        yield from zip("-+", _near_the_difference(old, new), strict=True)
        return
    rows = list(line_by_line(before, after))
    near = {
        index + away
        for index, (sign, _) in enumerate(rows)
        if sign != " "
        for away in range(-_CONTEXT_LINES, _CONTEXT_LINES + 1)
    }
    for is_near, part in groupby(enumerate(rows), key=lambda row: row[0] in near):
        skipped = list(part)
        if is_near:
            yield from ((sign, quoted(line)) for _, (sign, line) in skipped)
        else:
            yield " ", f"... {plural(len(skipped), 'line')} unchanged"


# A longer value is cut: its line would fill the screen, and hide where it differs.
_MAX_VALUE_CHARS = 400
_BEFORE_THE_DIFFERENCE = 60


def _near_the_difference(old: str, new: str) -> tuple[str, str]:
    """Two values in one line each; long ones are cut to the part in which they begin to differ."""
    if max(len(old), len(new)) <= _MAX_VALUE_CHARS:
        return old, new
    same = next(
        (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )
    start = max(0, same - _BEFORE_THE_DIFFERENCE)
    return _part(old, start), _part(new, start)


def _part(value: str, start: int) -> str:
    end = start + _MAX_VALUE_CHARS
    if start == 0 and end >= len(value):
        return value
    cut = f"{'…' if start else ''}{value[start:end]}{'…' if end < len(value) else ''}"
    return f"{cut} ({len(value):,} characters)"


# A key that is readable without quotes and brackets in a path.
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def key_name(path: KeyPath, *, any_item: bool = False) -> str:
    """`tags[2]`, `owner.name`, `["a key in quotes"]`, or `user_data` for the whole field.

    With `any_item` the index of every item is left out: `tags[]`. A key that is itself named
    `user_data` is written as `["user_data"]`.
    """
    if not path:
        return MANAGED_FIELD
    name = "".join(
        "[]" if any_item and isinstance(step, int) else _step(step) for step in path
    ).removeprefix(".")
    return f'["{name}"]' if name == MANAGED_FIELD else name


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    # Without quotes the key `a.b` would look like the key `b` inside `a`.
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{quoted(step)}]"


def value_text(value: JsonValue, *, whole: bool) -> str:
    """A value as JSON; if it is a `whole` field that holds canonical JSON, that JSON itself."""
    if whole and isinstance(value, str) and not isinstance(value, Masked):
        held = structure(value)
        # JSON in another layout stays a text: as a value, two layouts would look the same.
        if held is not None and canonical(held) == value:
            value = held
    return _json(value)


def _json(value: JsonValue) -> str:
    # `Masked` is a str: in quotes, a fingerprint would look like a text of the record.
    if isinstance(value, Masked):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(key)}: {_json(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, str) and not isinstance(value, Number):
        return quoted(value)
    return canonical(value)


def painted(op: Op, text: str, paint: Paint) -> str:
    """A text in the colour of an operation."""
    return {"add": paint.added, "replace": paint.changed, "remove": paint.removed}[op](text)
