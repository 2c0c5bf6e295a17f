"""Two texts of user_data -> the differences between them; the only module that uses deepdiff.

deepdiff only explains a difference; it never decides whether there is one, since by default it
treats `[1]` and `[True]` as equal and skips keys that begin with `__`. It gets scalars as JSON
text, so that different values never look equal, and lists whose items are already matched.
"""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from msgspec import Struct

from reconciler.values.canonical import JsonValue, equal, parse, structure
from reconciler.values.json_pointer import KeyPath, to_pointer
from reconciler.values.list_alignment import align
from reconciler.values.masking import Mask, Masked, unique_text

Op = Literal["add", "remove", "replace"]

# Matching lines can take time in the cube of their number (difflib); one record must not delay the
# whole plan. Above this number all old lines are removed and all new ones are added.
MAX_MATCHED_LINES = 200

# Explaining the differences inside items of lists takes 0.2 ms a value (deepdiff).
MAX_DEEP_NODES = 2_000


class Difference(Struct, frozen=True, gc=False):
    """One difference between two values, named as in JSON Patch (RFC 6902)."""

    op: Op
    """Whether the value at the path is added, removed or replaced."""
    path: KeyPath
    """Keys and indexes in the old value, for `add` in the new one; empty for the whole field."""
    before: JsonValue
    """The old value; None for `add`."""
    after: JsonValue
    """The new value; None for `remove`."""

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901)."""
        return to_pointer(self.path)

    @property
    def loses(self) -> bool:
        """Whether a key or an item is removed, or a value, mapping or list becomes empty.

        A mapping or list that becomes another type counts; a scalar that becomes another value does
        not.
        """
        if self.op != "replace":
            return self.op == "remove"
        return _lost(self._held(self.before), self._held(self.after))

    def _held(self, value: JsonValue) -> JsonValue:
        """The unmasked value; for the whole field the mapping or list in its text, if any."""
        if isinstance(value, Masked):
            value = value.hides
        if not self.path and isinstance(value, str):
            held = structure(value)
            return value if held is None else held
        return value


def _lost(old: JsonValue, new: JsonValue) -> bool:
    if _is_empty(old) or _is_empty(new):
        return not _is_empty(old)
    if not isinstance(old, dict | list):
        return False
    if type(old) is not type(new) or _nodes((old, new)) > MAX_DEEP_NODES:
        return True  # it would take too long to compare them: the worse is assumed
    return any(difference.loses for difference in _walk((), old, new))


def _is_empty(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str | dict | list) and not value)


def differences(
    before: str | None, after: str | None, mask: Mask | None = None
) -> tuple[Difference, ...]:
    """The differences between two texts, in order of path; `mask` replaces sensitive values.

    Two mappings are compared key by key, two lists item by item: `{"a":1}` and `{"a":2}` give a
    `replace` at `/a`. A mapping and an empty field differ in every key of the mapping. For all
    other texts the whole field is one difference, with an empty path.
    """
    old, new = structure(before), structure(after)
    if before is None and isinstance(new, dict):
        old = {}
    if after is None and isinstance(old, dict):
        new = {}
    hides_all = mask is not None and "" in mask.paths
    if old is None or new is None or type(old) is not type(new) or hides_all:
        return (_whole(before, after, mask),)
    found = _walk((), old, new) if mask is None else _walk((), mask.over(old), mask.over(new))
    # The same value in two layouts has no difference inside: the texts differ as a whole.
    return tuple(found) or (_whole(before, after, mask),)


def line_diff(before: str, after: str) -> Iterator[tuple[Literal[" ", "-", "+"], str]]:
    """The lines of both texts in order, each with a sign: kept " ", removed "-", added "+"."""
    old, new = before.split("\n"), after.split("\n")
    # Equal lines at both ends do not count for MAX_MATCHED_LINES: long texts can be matched too.
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    yield from ((" ", line) for line in old[:start])
    yield from _matched_lines(old[start : len(old) - end], new[start : len(new) - end])
    yield from ((" ", line) for line in old[len(old) - end :])


def _same(old: list[str], new: list[str]) -> int:
    """The number of equal lines at the start."""
    both = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, other) in both if one != other), min(len(old), len(new)))


def _matched_lines(old: list[str], new: list[str]) -> Iterator[tuple[Literal[" ", "-", "+"], str]]:
    if max(len(old), len(new)) > MAX_MATCHED_LINES:
        yield from (("-", line) for line in old)
        yield from (("+", line) for line in new)
        return
    # autojunk ignores frequent lines from 200 lines on (difflib), a number that is allowed here.
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in old[i:j])
        else:
            yield from (("-", line) for line in old[i:j])
            yield from (("+", line) for line in new[k:m])


def _whole(before: str | None, after: str | None, mask: Mask | None) -> Difference:
    op: Op = "add" if before is None else "remove" if after is None else "replace"
    return Difference(op, (), _shown(before, mask), _shown(after, mask))


def _shown(text: str | None, mask: Mask | None) -> JsonValue:
    return text if text is None or mask is None else mask.text(text)


def _walk(path: KeyPath, old: JsonValue, new: JsonValue) -> Iterator[Difference]:
    """The differences between two values that are not equal, mappings key by key."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            here = (*path, key)
            if key not in new:
                yield Difference("remove", here, old[key], None)
            elif key not in old:
                yield Difference("add", here, None, new[key])
            elif not equal(old[key], new[key]):
                yield from _walk(here, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from sorted(_listed(path, old, new), key=_order)
    else:
        yield Difference("replace", path, old, new)


def _order(difference: Difference) -> tuple[list[tuple[bool, int, str]], str]:
    """Sort key: by path, removals before additions. deepdiff's own order depends on hashes."""
    way = [
        (False, step, "") if isinstance(step, int) else (True, 0, step) for step in difference.path
    ]
    return way, {"remove": "0", "replace": "1", "add": "2"}[difference.op]


# The index of an item in the old and in the new list, None where it is missing; used as a dict key.
_Slot: TypeAlias = tuple[int | None, int | None]

# A value for deepdiff: scalars as JSON text, mappings as they are, matched lists by slot.
_Texts: TypeAlias = "str | list[_Texts] | dict[str, _Texts] | dict[_Slot, _Texts]"

_OPS: dict[str, Op] = {
    "dictionary_item_added": "add",
    "dictionary_item_removed": "remove",
    "values_changed": "replace",
    "type_changes": "replace",
}


def _listed(path: KeyPath, old: list[JsonValue], new: list[JsonValue]) -> Iterator[Difference]:
    slots = list(align(old, new))
    deep = [slot for slot in slots if _is_deep(slot, old, new)]
    # A value of a stranger must not delay a plan: then each item is one difference.
    if not deep or _nodes([(old[i or 0], new[j or 0]) for i, j in deep]) > MAX_DEEP_NODES:
        yield from (_item(path, slot, old, new) for slot in slots)
        return

    from deepdiff import DeepDiff  # takes 0.1 s; only lists of structures need it

    left, right = _matched(old, new, slots)
    tree = DeepDiff(
        left,
        right,
        view="tree",
        ignore_private_variables=False,
        threshold_to_diff_deeper=0,  # otherwise mappings with few common keys are one difference
    )
    for name, levels in tree.items():
        op = _OPS[name]
        for level in levels:
            keys = level.path(output_format="list")
            inner = tuple(_index(key) if isinstance(key, tuple) else key for key in keys)
            before = None if op == "add" else _value(level.t1)
            after = None if op == "remove" else _value(level.t2)
            yield Difference(op, (*path, *inner), before, after)


def _nodes(values: Iterable[object]) -> int:
    """The number of values in some values; counting stops beyond MAX_DEEP_NODES."""
    count, waiting = 0, list(values)
    while waiting and count <= MAX_DEEP_NODES:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    return count


def _is_deep(slot: _Slot, old: list[JsonValue], new: list[JsonValue]) -> bool:
    """Whether a slot has two mappings or two lists, whose differences are inside them."""
    i, j = slot
    if i is None or j is None:
        return False
    return isinstance(old[i], dict | list) and type(old[i]) is type(new[j])


def _item(path: KeyPath, slot: _Slot, old: list[JsonValue], new: list[JsonValue]) -> Difference:
    i, j = slot
    op: Op = "add" if i is None else "remove" if j is None else "replace"
    before, after = None if i is None else old[i], None if j is None else new[j]
    return Difference(op, (*path, _index(slot)), before, after)


def _index(slot: _Slot) -> int:
    """The index to show: in the old list, or in the new one if the item was added."""
    old, new = slot
    return old if old is not None else new or 0


def _matched(
    old: list[JsonValue], new: list[JsonValue], slots: Iterable[_Slot]
) -> tuple[dict[_Slot, _Texts], dict[_Slot, _Texts]]:
    """Both lists as mappings by slot: matched items have the same slot, equal items have none."""
    left: dict[_Slot, _Texts] = {}
    right: dict[_Slot, _Texts] = {}
    for slot in slots:
        i, j = slot
        if i is not None and j is not None:
            left[slot], right[slot] = _both(old[i], new[j])
        elif i is not None:
            left[slot] = _texts(old[i])
        elif j is not None:
            right[slot] = _texts(new[j])
    return left, right


def _both(old: JsonValue, new: JsonValue) -> tuple[_Texts, _Texts]:
    """Two values for deepdiff, with the lists inside them matched."""
    if isinstance(old, list) and isinstance(new, list):
        return _matched(old, new, align(old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        left: dict[str, _Texts] = {}
        right: dict[str, _Texts] = {}
        for key in old.keys() & new.keys():
            left[key], right[key] = _both(old[key], new[key])
        left |= {key: _texts(old[key]) for key in old.keys() - new.keys()}
        right |= {key: _texts(new[key]) for key in new.keys() - old.keys()}
        return left, right
    return _texts(old), _texts(new)


def _texts(value: JsonValue) -> _Texts:
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value if isinstance(value, Masked) else unique_text(value)


def _value(texts: _Texts) -> JsonValue:
    if isinstance(texts, str):
        return texts if isinstance(texts, Masked) else parse(texts)
    if isinstance(texts, list):
        return [_value(item) for item in texts]
    return {str(key): _value(item) for key, item in texts.items()}
