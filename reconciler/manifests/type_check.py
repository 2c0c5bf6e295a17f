"""A YAML node and a type of msgspec -> every place where the node is not of the type, in words."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import inspect

from reconciler.manifests.composer import ReportProblem
from reconciler.manifests.nodes import Mapping, Node, Scalar, Sequence
from reconciler.manifests.resolver import to_json
from reconciler.wording import did_you_mean

# One of the types of msgspec.inspect that settings are made of.
Type: TypeAlias = Any


def check_type(node: Node, wanted: Type, report: ReportProblem) -> None:
    """Reports every problem of a node, at its place: msgspec's own decoder stops at the first."""
    inner = _without_null(wanted)
    if isinstance(node, Mapping) and isinstance(inner, inspect.StructType):
        _check_fields(node, inner, report)
    elif isinstance(node, Mapping) and isinstance(inner, inspect.DictType):
        for key, value in node.pairs:
            if not _accepts(key.text, inner.key_type):
                report(key.mark, "config", f"`{key.text}` is not {_words(inner.key_type)}")
            check_type(value, inner.value_type, report)
    elif isinstance(node, Sequence) and isinstance(inner, inspect.VarTupleType):
        for item in node.items:
            check_type(item, inner.item_type, report)
    elif isinstance(node, Scalar):
        _check_scalar(node, wanted, report)
    else:
        report(node.mark, "config", f"expected {_words(wanted)}")


def _check_fields(node: Mapping, wanted: inspect.StructType, report: ReportProblem) -> None:
    fields = {field.encode_name: field for field in wanted.fields}
    for key, value in node.pairs:
        if key.text in fields:
            check_type(value, fields[key.text].type, report)
        else:
            names = did_you_mean(key.text, fields) or f": expected {', '.join(fields)}"
            report(key.mark, "config", f"`{key.text}` is not a setting{names}")
    given = {key.text for key, _ in node.pairs}
    for name in (name for name, field in fields.items() if field.required and name not in given):
        report(node.mark, "config", f"`{name}` is missing")


def _check_scalar(node: Scalar, wanted: Type, report: ReportProblem) -> None:
    found: list[str] = []

    def note(mark: object, rule: str, message: str) -> None:
        del mark
        found.append(rule)
        report(node.mark, rule, message)

    written = to_json(node, note)
    if not found and not _accepts(json.loads(written), wanted):
        # An empty scalar is null, and no text that could be quoted in the message.
        held = f", not {written}" if node.text else ""
        report(node.mark, "config", f"expected {_words(wanted)}{held}")


def _without_null(wanted: Type) -> Type:
    """The one type of an optional setting; a type that is no union as it is."""
    if not isinstance(wanted, inspect.UnionType):
        return wanted
    others = [one for one in wanted.types if not isinstance(one, inspect.NoneType)]
    return others[0] if len(others) == 1 else wanted


def _accepts(value: object, wanted: Type) -> bool:
    match wanted:
        case inspect.UnionType():
            return any(_accepts(value, one) for one in wanted.types)
        case inspect.LiteralType():
            return any(value == one and type(value) is type(one) for one in wanted.values)
        case inspect.EnumType():
            return value in [member.value for member in wanted.cls]
        case inspect.StrType():
            pattern = wanted.pattern or ""
            return isinstance(value, str) and re.search(pattern, value) is not None
        case inspect.IntType() | inspect.FloatType():
            return _is_number(value, wanted)
    return isinstance(wanted, inspect.NoneType) and value is None


def _is_number(value: object, wanted: inspect.IntType | inspect.FloatType) -> bool:
    types = int if isinstance(wanted, inspect.IntType) else int | float
    if isinstance(value, bool) or not isinstance(value, types):
        return False
    low, high = wanted.ge, wanted.le
    return (low is None or value >= low) and (high is None or value <= high)


def _words(wanted: Type) -> str:
    """The type in words: `a whole number from 0 to 100 or null`."""
    *others, last = _alternatives(wanted)
    return f"{', '.join(others)} or {last}" if others else last


def _alternatives(wanted: Type) -> Iterator[str]:
    match wanted:
        case inspect.UnionType():
            # Null last, as people would say it.
            for one in sorted(wanted.types, key=lambda one: isinstance(one, inspect.NoneType)):
                yield from _alternatives(one)
        case inspect.LiteralType():
            yield from map(str, wanted.values)
        case inspect.EnumType():
            yield from (str(member.value) for member in wanted.cls)
        case inspect.StrType(pattern=str()):
            yield "a name of lower-case letters, digits and hyphens"
        case inspect.IntType() | inspect.FloatType():
            yield f"{_PLAIN[type(wanted)]}{_range(wanted)}"
        case _:
            yield _PLAIN[type(wanted)]


_PLAIN: dict[type, str] = {
    inspect.NoneType: "null",
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.VarTupleType: "a list",
    inspect.StructType: "a mapping",
    inspect.DictType: "a mapping",
}


def _range(wanted: inspect.IntType | inspect.FloatType) -> str:
    low, high = (None if one is None else f"{one:,}" for one in (wanted.ge, wanted.le))
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return "" if low is None else f" of at least {low}"
