"""A user's JSON Schema + a value of user_data -> findings, and the paths that must not be shown.

Only this folder imports jsonschema (Draft 2020-12). A schema is a file of the
project, and nothing that it refers to is ever fetched. Many records have equal values, so findings
are cached by value.
"""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias

from msgspec import Struct

from reconciler.errors import ProblemsError
from reconciler.kinds import MANAGED_FIELD
from reconciler.manifests.composer import single_document
from reconciler.manifests.discovery import Tree
from reconciler.manifests.nodes import Step, descend
from reconciler.manifests.resolver import to_json
from reconciler.manifests.user_schemas.ecma_regex import compiled
from reconciler.manifests.user_schemas.linear_validator import (
    MAX_STEPS_A_VALUE,
    Meter,
    TooCostlyError,
    validator_class,
)
from reconciler.manifests.user_schemas.schema_faults import (
    MAX_SCHEMA_BYTES,
    explained,
    faults,
    parts_of,
    target_of,
    unknown_keywords,
)
from reconciler.manifests.yaml_events import Mark, Position, UnreadableYamlError, source
from reconciler.model import Problem, Source

# The paths in a value that a schema marks `writeOnly`; the empty path is the whole value.
Sensitive: TypeAlias = frozenset[tuple[Step, ...]]

MAX_FINDINGS_PER_VALUE = 10


class Finding(Struct, frozen=True):
    """A place where a value does not match a schema."""

    path: tuple[Step, ...]
    """The keys and indexes that lead to the place; empty for the whole value."""
    message: str
    """The error without the value: `/tags/1: expected maxLength 5 (schemas/x.schema.json)`."""


class UserSchema:
    """A schema file, loaded and checked.

    Raises ProblemsError if the file is not a schema that can be used offline.
    """

    def __init__(self, tree: Tree, name: str) -> None:
        from referencing import Registry, Resource  # slow to import, and only needed with rules
        from referencing.jsonschema import DRAFT202012

        self._name = name
        schema = _read(tree, name)
        registry: Any = Registry().with_resource(
            "", Resource.from_contents(schema, default_specification=DRAFT202012)
        )
        self._meter = Meter()
        self._validator = validator_class(self._meter)(schema, registry=registry)
        self._schema = schema
        self.hides = any(part.get("writeOnly") is True for _, part in parts_of(schema))
        """Whether the schema marks anything `writeOnly`."""
        self.warnings = tuple(unknown_keywords(tree, name, schema))
        """Keywords that have no effect, with the nearest one that has."""
        self._verdicts: dict[tuple[str | None, bool], Sequence[Finding]] = {}

    def findings(self, text: str | None, *, structured: bool) -> Sequence[Finding]:
        """The first findings of the schema about a value, sorted by path; empty if it matches.

        If `structured`, `text` is JSON; otherwise it is the text itself. None is a cleared field.
        """
        key = (text, structured)
        if key not in self._verdicts:
            self._verdicts[key] = tuple(self._judge(text, structured=structured))
        return self._verdicts[key]

    def sensitive(self, value: Any) -> Sensitive:
        """The paths in a value that the schema marks `writeOnly`, through any keyword.

        All branches of `anyOf`, `if` and so on count, whether they match the value or not.
        """
        found: set[tuple[Step, ...]] = set()
        seen: set[tuple[int, tuple[Step, ...]]] = set()
        waiting: list[tuple[Any, Any, tuple[Step, ...]]] = [(self._schema, value, ())]
        while waiting:
            schema, value, path = waiting.pop()
            # A `$ref` can lead back to a schema that was already applied at this path.
            if not isinstance(schema, dict) or (id(schema), path) in seen:
                continue
            seen.add((id(schema), path))
            if len(seen) > MAX_STEPS_A_VALUE:
                return frozenset(((),))  # too much work: nothing of the value is shown
            if schema.get("writeOnly") is True:
                found.add(path)
            if "$ref" in schema:
                waiting.append((target_of(self._schema, schema["$ref"]), value, path))
            waiting += ((part, value, path) for part in _beside(schema))
            waiting += ((part, value[step], (*path, step)) for step, part in _below(schema, value))
        return frozenset(found)

    def _judge(self, text: str | None, *, structured: bool) -> Iterator[Finding]:
        self._meter.next_value()
        try:
            value = _value(text, structured=structured)
            errors = list(islice(self._validator.iter_errors(value), MAX_FINDINGS_PER_VALUE))
        except Exception as error:  # noqa: BLE001  a user's schema can fail in any way
            why = _FAILURES.get(type(error), "cannot be evaluated for this value")
            yield Finding((), f"the schema {why} ({self._name})")
            return
        hidden = self.sensitive(value) if self.hides else ()
        for wrong in sorted(errors, key=lambda wrong: [str(step) for step in wrong.path]):
            path, why = tuple(wrong.absolute_path), explained(wrong)
            for place in hidden:
                if path[: len(place)] == place:
                    path, why = place, "does not match the schema (details not shown: sensitive)"
            where = "".join(f"/{step}" for step in path) or MANAGED_FIELD
            yield Finding(path, f"{where}: {why} ({self._name})")


# Why a schema could not be evaluated, by the class of the exception.
_FAILURES = {
    RecursionError: "refers to itself without end for this value",
    TooCostlyError: "takes too much work for this value: simplify it",
}


def _value(text: str | None, *, structured: bool) -> Any:
    """The value to validate. Decimal, because as a float 19.99 is not a multiple of 0.01."""
    return json.loads(text or "", parse_float=Decimal) if structured else text


def _read(tree: Tree, name: str) -> Any:
    """The schema in a file. Raises ProblemsError with every problem of it."""
    link = tree.link_above(name)
    text = tree.text(name, MAX_SCHEMA_BYTES)
    if link is not None:
        text = Problem(Source(name, 1, 1), "symlink", f"is behind a symbolic link ({link})")
    if isinstance(text, Problem):
        raise ProblemsError([text])
    problems: list[Problem] = []

    def report(mark: Mark, rule: str, message: str) -> None:
        problems.append(Problem(source(name, mark), rule, message))

    schema: Any = None
    try:
        node = single_document(text, report)
        if node is None:
            report(Position(0, 0), "empty", "holds no schema")
        else:
            schema = json.loads(to_json(node, report), parse_float=Decimal)
            for steps, message in faults(schema):
                report(descend(node, steps).mark, "user-schema", message)
    except UnreadableYamlError as broken:
        report(broken.mark, broken.rule, broken.message)
    except ValueError:
        pass  # to_json reported an ambiguous scalar and returned invalid JSON
    if problems:
        raise ProblemsError(problems)
    return schema


def _beside(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas in a schema that apply to the same value."""
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(keyword, ())
    yield from schema.get("dependentSchemas", {}).values()
    yield from (schema.get(keyword) for keyword in ("not", "if", "then", "else"))


def _below(schema: dict[str, Any], value: object) -> Iterator[tuple[Any, Any]]:
    """(key or index, schema) for each schema in a schema that may apply to a part of the value."""
    if isinstance(value, dict):
        for name in value:
            yield name, schema.get("properties", {}).get(name)
            for pattern, part in schema.get("patternProperties", {}).items():
                if compiled(pattern)(name):
                    yield name, part
            yield name, schema.get("additionalProperties")
            yield name, schema.get("unevaluatedProperties")
    elif isinstance(value, list):
        listed = schema.get("prefixItems", ())
        for index in range(len(value)):
            yield index, listed[index] if index < len(listed) else schema.get("items")
            yield index, schema.get("contains")
            yield index, schema.get("unevaluatedItems")
