"""Two values of user_data -> the places where they differ (the only door to deepdiff).

deepdiff explains, it never decides: by itself it calls `[1]` and `[True]` equal and skips keys
that begin with `__`. Here it is given each scalar as its JSON text, so that no two values look
equal, and lists whose items are matched already.
"""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from msgspec import Struct

from reconciler.values.canonical import JsonValue, alike, parse, structure
from reconciler.values.json_pointer import Steps, pointer
from reconciler.values.list_alignment import pairs
from reconciler.values.masking import Mask, Masked, text_of

Op = Literal["add", "remove", "replace"]

# Matching lines may cost the cube of their number; a record must not hold up a plan.
MAX_MATCHED_LINES = 200


class Place(Struct, frozen=True, gc=False):
    """One difference: `steps` lead to it by keys and indexes, none for the whole field.

    They lead through the old value, and for what was added through the new one. An `add` has no
    before (None), a `remove` no after.
    """

    op: Op
    steps: Steps
    before: JsonValue
    after: JsonValue

    @property
    def path(self) -> str:
        """The steps as a JSON Pointer (RFC 6901)."""
        return pointer(self.steps)

    @property
    def loses(self) -> bool:
        """Whether something that was there is gone: a key, an item, or all that a value held."""
        if self.op != "replace":
            return self.op == "remove"
        return _lost(self._held(self.before), self._held(self.after))

    def _held(self, value: JsonValue) -> JsonValue:
        """The value itself; of a whole field the structure in its text, if there is one."""
        if isinstance(value, Masked):
            value = value.hides
        if not self.steps and isinstance(value, str):
            held = structure(value)
            return value if held is None else held
        return value


def _lost(old: JsonValue, new: JsonValue) -> bool:
    if _is_empty(old) or _is_empty(new):
        return not _is_empty(old)
    if not isinstance(old, dict | list):
        return False
    return type(old) is not type(new) or any(place.loses for place in _walk((), old, new))


def _is_empty(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str | dict | list) and not value)


def places(before: str | None, after: str | None, mask: Mask | None = None) -> tuple[Place, ...]:
    """Where two texts of user_data differ, in order of path; sensitive values are fingerprints.

    Inside structured values key by key and item by item, a mapping against nothing being all its
    keys; otherwise the whole field is one place.
    """
    old, new = structure(before), structure(after)
    if before is None and isinstance(new, dict):
        old = {}
    if after is None and isinstance(old, dict):
        new = {}
    hides_all = mask is not None and "" in mask.places
    if old is None or new is None or type(old) is not type(new) or hides_all:
        return (_whole(before, after, mask),)
    found = _walk((), old, new) if mask is None else _walk((), mask.over(old), mask.over(new))
    # Equal values in two layouts have no place inside them: the difference is the layout.
    return tuple(found) or (_whole(before, after, mask),)


def lines(before: str, after: str) -> Iterator[tuple[Literal[" ", "-", "+"], str]]:
    """Two texts of several lines as one: each line with whether it stays, goes or comes."""
    old, new = before.split("\n"), after.split("\n")
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    yield from ((" ", line) for line in old[:start])
    yield from _matched_lines(old[start : len(old) - end], new[start : len(new) - end])
    yield from ((" ", line) for line in old[len(old) - end :])


def _same(old: list[str], new: list[str]) -> int:
    """How many lines are the same at the start."""
    both = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, other) in both if one != other), min(len(old), len(new)))


def _matched_lines(old: list[str], new: list[str]) -> Iterator[tuple[Literal[" ", "-", "+"], str]]:
    if max(len(old), len(new)) > MAX_MATCHED_LINES:
        yield from (("-", line) for line in old)
        yield from (("+", line) for line in new)
        return
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in old[i:j])
        else:
            yield from (("-", line) for line in old[i:j])
            yield from (("+", line) for line in new[k:m])


def _whole(before: str | None, after: str | None, mask: Mask | None) -> Place:
    op: Op = "add" if before is None else "remove" if after is None else "replace"
    return Place(op, (), _shown(before, mask), _shown(after, mask))


def _shown(text: str | None, mask: Mask | None) -> JsonValue:
    return text if text is None or mask is None else mask.text(text)


def _walk(steps: Steps, old: JsonValue, new: JsonValue) -> Iterator[Place]:
    """The differences of two values that are not alike, mappings key by key."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            here = (*steps, key)
            if key not in new:
                yield Place("remove", here, old[key], None)
            elif key not in old:
                yield Place("add", here, None, new[key])
            elif not alike(old[key], new[key]):
                yield from _walk(here, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from sorted(_listed(steps, old, new), key=_order)
    else:
        yield Place("replace", steps, old, new)


def _order(place: Place) -> tuple[list[tuple[bool, int, str]], str]:
    """By place, and what goes before what comes there: deepdiff's own order is that of hashes."""
    way = [(False, step, "") if isinstance(step, int) else (True, 0, step) for step in place.steps]
    return way, {"remove": "0", "replace": "1", "add": "2"}[place.op]


# Where an item of a list is, in the old one and in the new one; a tuple, as deepdiff wants keys.
_Slot: TypeAlias = tuple[int | None, int | None]

# A value for deepdiff: scalars as JSON text, containers as they are, lists by slot.
_Texts: TypeAlias = "str | list[_Texts] | dict[str, _Texts] | dict[_Slot, _Texts]"

_OPS: dict[str, Op] = {
    "dictionary_item_added": "add",
    "dictionary_item_removed": "remove",
    "values_changed": "replace",
    "type_changes": "replace",
}


def _listed(steps: Steps, old: list[JsonValue], new: list[JsonValue]) -> Iterator[Place]:
    slots = list(pairs(old, new))
    if not any(_is_deep(slot, old, new) for slot in slots):
        yield from (_item(steps, slot, old, new) for slot in slots)
        return

    from deepdiff import DeepDiff  # it costs 0.1 s, and only lists of structures need it

    left, right = _matched(old, new, slots)
    tree = DeepDiff(
        left,
        right,
        view="tree",
        ignore_private_variables=False,
        threshold_to_diff_deeper=0,  # else two mappings with few keys in common are one difference
    )
    for name, levels in tree.items():
        op = _OPS[name]
        for level in levels:
            path = level.path(output_format="list")
            inner = tuple(_index(step) if isinstance(step, tuple) else step for step in path)
            before = None if op == "add" else _value(level.t1)
            after = None if op == "remove" else _value(level.t2)
            yield Place(op, (*steps, *inner), before, after)


def _is_deep(slot: _Slot, old: list[JsonValue], new: list[JsonValue]) -> bool:
    """Whether there is more to say of two items than that one became the other."""
    i, j = slot
    if i is None or j is None:
        return False
    return isinstance(old[i], dict | list) and type(old[i]) is type(new[j])


def _item(steps: Steps, slot: _Slot, old: list[JsonValue], new: list[JsonValue]) -> Place:
    i, j = slot
    op: Op = "add" if i is None else "remove" if j is None else "replace"
    before, after = None if i is None else old[i], None if j is None else new[j]
    return Place(op, (*steps, _index(slot)), before, after)


def _index(slot: _Slot) -> int:
    """By which people find an item."""
    old, new = slot
    return old if old is not None else new or 0


def _matched(
    old: list[JsonValue], new: list[JsonValue], slots: Iterable[_Slot]
) -> tuple[dict[_Slot, _Texts], dict[_Slot, _Texts]]:
    """Two lists by slot: what became what is in the same one, and what is equal in none."""
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
    """Two values for deepdiff, the lists in them matched."""
    if isinstance(old, list) and isinstance(new, list):
        return _matched(old, new, pairs(old, new))
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
    return value if isinstance(value, Masked) else text_of(value)


def _value(texts: _Texts) -> JsonValue:
    if isinstance(texts, str):
        return texts if isinstance(texts, Masked) else parse(texts)
    if isinstance(texts, list):
        return [_value(item) for item in texts]
    return {str(key): _value(item) for key, item in texts.items()}
