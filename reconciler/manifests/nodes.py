"""The tree of a YAML or JSON document: nodes with positions, and the node at a path."""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from reconciler.manifests.yaml_events import Mark

Step: TypeAlias = str | int  # a key of a mapping, or an index of a sequence


class Scalar(Struct, frozen=True, gc=False):
    """A leaf. It has no type yet: `resolver` derives the type from `text` and `plain`."""

    text: str
    """The text after YAML unquoted, unescaped and folded it."""
    plain: bool
    """Whether it is written without quotes and not as a block, so that YAML gives it a type."""
    mark: Mark
    """Where it begins; line and column from 0."""


class Mapping(Struct, frozen=True):
    """Keys and their values."""

    pairs: list[tuple[Scalar, "Node"]]
    """In the order of the file. Keys are unique, or the problem `duplicate-key` is reported."""
    mark: Mark
    """Where it begins; line and column from 0."""


class Sequence(Struct, frozen=True):
    """A list."""

    items: list["Node"]
    """In the order of the file."""
    mark: Mark
    """Where it begins; line and column from 0."""


Node: TypeAlias = Scalar | Mapping | Sequence


def descend(node: Node, steps: Iterable[Step]) -> Node:
    """The node at a path of keys and indexes, such as `("user_data", "tags", 0)`.

    Returns the last node that exists on the path if the path leads further.
    """
    for step in steps:
        inner: Node | None = None
        if isinstance(node, Mapping):
            inner = next((value for key, value in node.pairs if key.text == step), None)
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            inner = node.items[step]
        if inner is None:
            break
        node = inner
    return node


def size_of(node: Node, most: int) -> int:
    """The number of nodes and characters in a node; counting stops when it reaches `most`."""
    # A node that several aliases refer to is one object, but counts each time.
    size, waiting = 0, [node]
    while waiting and size < most:
        node = waiting.pop()
        size += 1
        if isinstance(node, Scalar):
            size += len(node.text)
        elif isinstance(node, Mapping):
            for key, value in node.pairs:
                waiting += (key, value)
        elif isinstance(node, Sequence):
            waiting.extend(node.items)
    return size
