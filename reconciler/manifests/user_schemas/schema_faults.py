"""A JSON Schema -> the places that make it unusable, and the keywords that have no effect."""

import json
from collections.abc import Container, Iterator
from typing import Any
from urllib.parse import unquote

from reconciler.manifests.composer import single_document
from reconciler.manifests.discovery import Tree
from reconciler.manifests.nodes import Step, descend
from reconciler.manifests.rule_catalog import severity
from reconciler.manifests.user_schemas.ecma_regex import PatternError, compiled
from reconciler.manifests.yaml_events import source
from reconciler.model import Problem, Source
from reconciler.wording import did_you_mean, shorten

DIALECT = "https://json-schema.org/draft/2020-12/schema"


# A schema is written by people. The bound is for files of a pull request.
MAX_SCHEMA_BYTES = 1024 * 1024


def faults(schema: object) -> Iterator[tuple[tuple[Step, ...], str]]:
    """(path, reason) for each place that makes a schema invalid or unusable offline."""
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        yield tuple(error.absolute_path), f"is not a JSON Schema: {explained(error)}"
        return
    if isinstance(schema, dict) and schema.get("$schema", DIALECT) != DIALECT:
        yield ("$schema",), f"expected {DIALECT}"
    parts = list(parts_of(schema))
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


def unknown_keywords(tree: Tree, name: str, schema: object) -> Iterator[Problem]:
    """A warning for each keyword that JSON Schema does not know: it would have no effect."""
    from jsonschema import Draft202012Validator

    found = [
        (steps, keyword)
        for steps, part in parts_of(schema)
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


def parts_of(schema: object) -> Iterator[tuple[tuple[Step, ...], dict[str, Any]]]:
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


def _leads_to(known: Container[int], schema: object, reference: object) -> bool:
    """Whether a reference leads to a schema of the file; `known` are their ids.

    Anything else in the file is data, which was not checked to be a schema.
    """
    try:
        target = target_of(schema, reference)
    except (LookupError, TypeError, ValueError):
        return False
    return isinstance(target, bool) or id(target) in known


def target_of(schema: Any, reference: Any) -> Any:
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


def explained(error: Any) -> str:
    """The message of a validation error, without the value."""
    if error.validator in _NAMING_KEYS:
        return str(error.message)
    if error.validator is None:  # the schema is `false`
        return "is not allowed here"
    expected = shorten(json.dumps(error.validator_value, default=str), MAX_EXPECTED_CHARS)
    return f"expected {error.validator} {expected}"


MAX_EXPECTED_CHARS = 120


# Keywords whose messages name keys only. The messages of all others quote the value, which may be
# sensitive.
_NAMING_KEYS = ("required", "additionalProperties", "dependentRequired", "unevaluatedProperties")
