"""A user's JSON Schema + a value of user_data -> findings, and the paths that must not be shown.

Only this module and linear_validator import jsonschema (Draft 2020-12). A schema is a file of the
project, and nothing that it refers to is ever fetched. Many records have equal values, so findings
are cached by value.
"""

import json
from collections.abc import Container, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import unquote

from msgspec import Struct

from reconciler.errors import ProblemsError
from reconciler.kinds import MANAGED_FIELD
from reconciler.manifests.composer import single_document
from reconciler.manifests.discovery import Tree
from reconciler.manifests.nodes import Step, descend
from reconciler.manifests.resolver import to_json
from reconciler.manifests.rule_catalog import severity
from reconciler.manifests.user_schemas.ecma_regex import PatternError, compiled
from reconciler.manifests.user_schemas.linear_validator import (
    MAX_STEPS_A_VALUE,
    Meter,
    TooCostlyError,
    validator_class,
)
from reconciler.manifests.yaml_events import Mark, Position, UnreadableYamlError, source
from reconciler.model import Problem, Source
from reconciler.wording import did_you_mean, shorten

# The paths in a value that a schema marks `writeOnly`; the empty path is the whole value.
Sensitive: TypeAlias = frozenset[tuple[Step, ...]]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# A schema is written by people. The bound is for files of a pull request.
MAX_SCHEMA_BYTES = 1024 * 1024
MAX_EXPECTED_CHARS = 120
MAX_FINDINGS_PER_VALUE = 10

# Keywords whose messages name keys only. The messages of all others quote the value, which may be
# sensitive.
_NAMING_KEYS = ("required", "additionalProperties", "dependentRequired", "unevaluatedProperties")


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
        self.hides = any(part.get("writeOnly") is True for _, part in _parts(schema))
        """Whether the schema marks anything `writeOnly`."""
        self.warnings = tuple(_unknown_keywords(tree, name, schema))
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
                waiting.append((_target(self._schema, schema["$ref"]), value, path))
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
            path, why = tuple(wrong.absolute_path), _why(wrong)
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


def _why(error: Any) -> str:
    """The message of a validation error, without the value."""
    if error.validator in _NAMING_KEYS:
        return str(error.message)
    if error.validator is None:  # the schema is `false`
        return "is not allowed here"
    expected = shorten(json.dumps(error.validator_value, default=str), MAX_EXPECTED_CHARS)
    return f"expected {error.validator} {expected}"


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
            for steps, message in _faults(schema):
                report(descend(node, steps).mark, "user-schema", message)
    except UnreadableYamlError as broken:
        report(broken.mark, broken.rule, broken.message)
    except ValueError:
        pass  # to_json reported an ambiguous scalar and returned invalid JSON
    if problems:
        raise ProblemsError(problems)
    return schema


def _faults(schema: object) -> Iterator[tuple[tuple[Step, ...], str]]:
    """(path, reason) for each place that makes a schema invalid or unusable offline."""
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        yield tuple(error.absolute_path), f"is not a JSON Schema: {_why(error)}"
        return
    if isinstance(schema, dict) and schema.get("$schema", DIALECT) != DIALECT:
        yield ("$schema",), f"expected {DIALECT}"
    parts = list(_parts(schema))
    known = {id(part) for _, part in parts}
    for steps, part in parts:
        for inside, reason in _faults_in(part):
            yield (*steps, *inside), reason
        if "$id" in part and steps:
            yield (*steps, "$id"), _NO_OTHER_NAME.format("$id")
        if "$ref" in part and not _leads_to(known, schema, part["$ref"]):
            yield (*steps, "$ref"), "a $ref must lead to a schema in this file: nothing is fetched"
    # jsonschema matches the patterns of the one for the other itself, with Python's `re`.
    unevaluated = [steps for steps, part in parts if "unevaluatedProperties" in part]
    if unevaluated and any(part.get("patternProperties") for _, part in parts):
        message = "unevaluatedProperties cannot be used in a file with patternProperties"
        yield (*unevaluated[0], "unevaluatedProperties"), message


def _faults_in(part: dict[str, Any]) -> Iterator[tuple[tuple[Step, ...], str]]:
    """(path, reason) for each keyword directly in a schema that cannot be used."""
    for keyword in (_NOT_OFFERED - {"$id"}) & part.keys():
        yield (keyword,), _NO_OTHER_NAME.format(keyword)
    for keyword in _NOT_APPLIED & part.keys():
        if any(inner.get("writeOnly") is True for inner in _mappings(part[keyword])):
            yield (keyword,), f"writeOnly has no effect inside {keyword}"
    for step, pattern in _patterns(part):
        try:
            compiled(pattern)
        except PatternError as error:
            yield step, str(error)


_NO_OTHER_NAME = "{} is not supported: use $ref with #/..."


def _unknown_keywords(tree: Tree, name: str, schema: object) -> Iterator[Problem]:
    """A warning for each keyword that JSON Schema does not know: it would have no effect."""
    from jsonschema import Draft202012Validator

    found = [
        (steps, keyword)
        for steps, part in _parts(schema)
        for keyword in part
        if keyword not in _KEYWORDS
        and keyword not in Draft202012Validator.VALIDATORS
        # By convention the keywords of a user begin so.
        and not keyword.startswith(("x-", "$"))
    ]
    if not found:
        return
    text = tree.text(name, MAX_SCHEMA_BYTES)
    node = single_document(text, lambda *_: None) if isinstance(text, str) else None
    for steps, keyword in found:
        close = did_you_mean(keyword, _KEYWORDS | Draft202012Validator.VALIDATORS.keys())
        where = Source(name, 1, 1) if node is None else source(name, descend(node, steps).mark)
        message = f"`{keyword}` is not a keyword of JSON Schema and has no effect{close}"
        yield Problem(where, "unknown-keyword", message, severity("unknown-keyword"))


# Keywords that validate nothing themselves (JSON Schema, core and validation, 2020-12).
_KEYWORDS = frozenset(
    "title description default deprecated readOnly writeOnly examples then else minContains "
    "maxContains contentEncoding contentMediaType contentSchema definitions".split()
)

# Other ways to refer to a schema than its path; in a single file `#/...` is enough.
_NOT_OFFERED = frozenset(("$id", "$anchor", "$dynamicAnchor", "$dynamicRef"))

# The keywords that hold schemas (JSON Schema core, section 10): by name, in a list, a single one.
# The values of all other keywords are data.
_OF_NAMES = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_OF_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_OF_ONE = (
    *("not", "if", "then", "else", "items", "contains", "propertyNames"),
    *("additionalProperties", "unevaluatedItems", "unevaluatedProperties"),
)


# Keywords whose schemas are applied to no value of the record itself.
_NOT_APPLIED = frozenset(("contentSchema", "propertyNames", "dependencies"))


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a value, and the value itself if it is one."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _parts(schema: object) -> Iterator[tuple[tuple[Step, ...], dict[str, Any]]]:
    """(path, schema) for a schema and every schema inside it."""
    waiting: list[tuple[tuple[Step, ...], Any]] = [((), schema)]
    while waiting:
        steps, part = waiting.pop()
        if not isinstance(part, dict):
            continue
        yield steps, part
        for keyword in _OF_NAMES:
            inner = part.get(keyword, {}).items()
            waiting += (((*steps, keyword, name), value) for name, value in inner)
        for keyword in _OF_LISTS:
            listed = enumerate(part.get(keyword, ()))
            waiting += (((*steps, keyword, index), value) for index, value in listed)
        waiting += (((*steps, keyword), part[keyword]) for keyword in _OF_ONE if keyword in part)


def _patterns(part: dict[str, Any]) -> Iterator[tuple[tuple[Step, ...], str]]:
    """(path, regular expression) for each pattern directly in a schema."""
    if isinstance(part.get("pattern"), str):
        yield ("pattern",), part["pattern"]
    yield from ((("patternProperties", name), name) for name in part.get("patternProperties", {}))


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


def _leads_to(known: Container[int], schema: object, reference: object) -> bool:
    """Whether a reference leads to a schema of the file; `known` are their ids.

    Anything else in the file is data, which was not checked to be a schema.
    """
    try:
        target = _target(schema, reference)
    except (LookupError, TypeError, ValueError):
        return False
    return isinstance(target, bool) or id(target) in known


def _target(schema: Any, reference: Any) -> Any:
    """The schema that `#` or `#/$defs/owner` leads to.

    Raises LookupError, TypeError or ValueError if it leads to nothing.
    """
    start, *steps = unquote(reference).split("/")
    if start != "#":
        raise LookupError(reference)
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~")  # in this order (RFC 6901, section 4)
        schema = schema[int(name) if isinstance(schema, list) else name]
    return schema
