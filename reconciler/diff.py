"""Two values of user_data -> the places where they differ (the only door to deepdiff).

deepdiff explains, it never decides: by itself it calls `[1]` and `[True]` equal and skips keys
that begin with `__`. Here it is given each scalar as its JSON text: no two values look equal.
"""

from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from reconciler.value import JsonValue, canonical, structure

Op = Literal["add", "remove", "replace"]

# A value for deepdiff: scalars as canonical JSON text, containers as they are.
_Texts: TypeAlias = "str | list[_Texts] | dict[str, _Texts]"
_Path = list[str | int]

MAX_MATCHED_ITEMS = 200

_OPS: dict[str, Op] = {
    "dictionary_item_added": "add",
    "iterable_item_added": "add",
    "dictionary_item_removed": "remove",
    "iterable_item_removed": "remove",
    "values_changed": "replace",
    "type_changes": "replace",
}


class Place(Struct, frozen=True):
    """One difference: `steps` lead to it by keys and indexes, none for the whole field.

    They lead through the old value, and for what was added through the new one. `before` and
    `after` are canonical JSON texts; `add` has no before, `remove` no after.
    """

    op: Op
    steps: tuple[str | int, ...]
    before: str | None
    after: str | None

    @property
    def path(self) -> str:
        """The steps as a JSON Pointer (RFC 6901)."""
        escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in self.steps)
        return "".join(f"/{step}" for step in escaped)


def places(before: str | None, after: str | None) -> tuple[Place, ...]:
    """Where two texts of user_data differ, in order of path.

    Inside structured values key by key and item by item, a mapping against nothing being all its
    keys; otherwise the whole field is one place.
    """
    old, new = structure(before), structure(after)
    if before is None and isinstance(new, dict):
        old = {}
    if after is None and isinstance(old, dict):
        new = {}
    if old is None or new is None or type(old) is not type(new):
        return (_whole(before, after),)
    found = sorted(_found(_texts(old), _texts(new)), key=lambda place: _order(place[0]))
    # Equal values in two layouts have no place inside them: the difference is the layout.
    return tuple(_place(*item) for item in found) or (_whole(before, after),)


def _whole(before: str | None, after: str | None) -> Place:
    op: Op = "add" if before is None else "remove" if after is None else "replace"
    return Place(op, (), _json(before), _json(after))


def _json(text: str | None) -> str | None:
    return None if text is None else encode_basestring(text)


def _found(old: _Texts, new: _Texts) -> Iterator[tuple[_Path, Op, Any, Any]]:
    from deepdiff import DeepDiff  # it costs 0.1 s, and only a difference needs it

    tree = DeepDiff(
        old,
        new,
        view="tree",
        ignore_private_variables=False,
        threshold_to_diff_deeper=0,  # else two mappings with few keys in common are one difference
        # Matching items costs the square of their number; a record must not hold up a plan.
        zip_ordered_iterables=max(_longest(old), _longest(new)) > MAX_MATCHED_ITEMS,
    )
    for name, levels in tree.items():
        for level in levels:
            yield level.path(output_format="list"), _OPS[name], level.t1, level.t2


def _place(path: _Path, op: Op, old: _Texts, new: _Texts) -> Place:
    before = None if op == "add" else _joined(old)
    return Place(op, tuple(path), before, None if op == "remove" else _joined(new))


def _order(path: _Path) -> list[tuple[bool, int, str]]:
    return [(False, step, "") if isinstance(step, int) else (True, 0, step) for step in path]


def _longest(texts: _Texts) -> int:
    """The number of items of the longest list."""
    if isinstance(texts, str):
        return 0
    inner = texts.values() if isinstance(texts, dict) else texts
    own = len(texts) if isinstance(texts, list) else 0
    return max(own, *map(_longest, inner), 0)


def _texts(value: JsonValue) -> _Texts:
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return canonical(value)


def _joined(texts: _Texts) -> str:
    if isinstance(texts, str):
        return texts
    if isinstance(texts, list):
        return f"[{','.join(map(_joined, texts))}]"
    members = (f"{encode_basestring(key)}:{_joined(texts[key])}" for key in sorted(texts))
    return f"{{{','.join(members)}}}"
