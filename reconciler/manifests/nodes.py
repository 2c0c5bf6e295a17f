"""What a YAML or JSON document holds: nodes with positions, and how to find one in another."""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from reconciler.manifests.yaml_events import Mark

Step: TypeAlias = str | int  # into a mapping by its key, into a sequence by its index


class Scalar(Struct, frozen=True, gc=False):
    """A leaf: `plain` tells that it was written without quotes or block marks."""

    text: str
    plain: bool
    mark: Mark


class Mapping(Struct, frozen=True):
    """Keys and values in the order of the file; keys are unique."""

    pairs: list[tuple[Scalar, "Node"]]
    mark: Mark


class Sequence(Struct, frozen=True):
    """Items in order."""

    items: list["Node"]
    mark: Mark


Node: TypeAlias = Scalar | Mapping | Sequence


def descend(node: Node, steps: Iterable[Step]) -> Node:
    """The node at a path of keys and indexes, or as far along it as there are nodes."""
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
    """How many nodes and characters a node expands to; counting ends at `most`."""
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
