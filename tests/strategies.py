"""Values of chance, and a slow reader of mappings that the fast one is compared with."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from reconciler.values.canonical import JsonValue, Number, canonical

LEAVES = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
STRUCTURES = VALUES.filter(lambda value: isinstance(value, dict | list))
SCALARS = st.sampled_from(["a", "b", Number("1"), True, None, ["x"]])
MEMBERS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), SCALARS, max_size=4),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), SCALARS | inner, max_size=4),
    max_leaves=8,
)
Path = tuple[str, ...]


def leaves(members: Mapping[str, JsonValue], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every value that is no mapping, by its path."""
    for key, value in members.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), canonical(value)


def holds(members: Mapping[str, JsonValue], path: Path) -> bool:
    """Whether git holds a path: a value there, or one of which it would be a part."""
    here: JsonValue = dict(members)
    for step in path:
        if not isinstance(here, dict):
            return True
        if step not in here:
            return False
        here = here[step]
    return True
