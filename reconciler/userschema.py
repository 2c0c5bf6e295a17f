"""A user's own JSON Schema + values of user_data -> findings, and the places not to be shown.

The only door to jsonschema (Draft 2020-12). A schema is part of the tree: nothing that it names is
ever fetched. Records repeat themselves, so a verdict is remembered by value.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

from msgspec import Struct

from reconciler.errors import ProblemsError
from reconciler.kinds import MANAGED_FIELD
from reconciler.manifest import read_text, source
from reconciler.meaning import json_of
from reconciler.model import Problem, Record
from reconciler.tree import BrokenTreeError, Mark, Node, Position, Reader, Report, Step, descend

# Where a schema marks values that must not be shown; None stands for any key or item.
Sensitive: TypeAlias = frozenset[tuple[Step | None, ...]]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_EXPECTED_CHARS = 120
MAX_FINDINGS_A_VALUE = 10

# Keywords whose messages name keys alone; all others would quote the value.
_NAMING_KEYS = ("required", "additionalProperties", "dependentRequired", "unevaluatedProperties")


class Finding(Struct, frozen=True):
    """What a schema has against a value: where inside it, and in words without the value."""

    path: tuple[Step, ...]
    message: str


class UserSchema:
    """One schema file, ready to judge."""

    def __init__(self, path: Path) -> None:
        from jsonschema import Draft202012Validator  # heavy, and only for those who have rules
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        self._name = path.as_posix()
        schema = _read(path)
        registry: Any = Registry().with_resource(
            "", Resource.from_contents(schema, default_specification=DRAFT202012)
        )
        self._validator = Draft202012Validator(schema, registry=registry)
        self._verdicts: dict[tuple[str | None, bool], Sequence[Finding]] = {}
        self.sensitive: Sensitive = frozenset(_write_only(schema, schema, ()))

    def findings(self, record: Record) -> Sequence[Finding]:
        """What the schema has against a record's value."""
        key = (record.wanted, record.structured)
        if key not in self._verdicts:
            value = json.loads(record.wanted or "") if record.structured else record.wanted
            self._verdicts[key] = tuple(self._judge(value))
        return self._verdicts[key]

    def _judge(self, value: object) -> Iterator[Finding]:
        try:
            errors = list(islice(self._validator.iter_errors(value), MAX_FINDINGS_A_VALUE))
        except RecursionError:
            yield Finding((), f"the schema refers to itself without end ({self._name})")
            return
        for error in sorted(errors, key=lambda error: [str(step) for step in error.path]):
            where = "".join(f"/{step}" for step in error.absolute_path) or MANAGED_FIELD
            yield Finding(tuple(error.absolute_path), f"{where}: {_why(error)} ({self._name})")


def _why(error: Any) -> str:
    if error.validator in _NAMING_KEYS:
        return str(error.message)
    expected = json.dumps(error.validator_value)
    if len(expected) > MAX_EXPECTED_CHARS:
        expected = f"{expected[: MAX_EXPECTED_CHARS - 1]}…"
    return f"expected {error.validator} {expected}"


def _read(path: Path) -> Any:
    """The schema in a file; ProblemsError with the place of what is wrong with it."""
    text = read_text(path)
    if isinstance(text, Problem):
        raise ProblemsError([text])
    problems: list[Problem] = []

    def report(mark: Mark, rule: str, message: str) -> None:
        problems.append(Problem(source(path.as_posix(), mark), rule, message))

    schema: Any = None
    try:
        node = _document(text, report)
        schema = json.loads(json_of(node, report))
        for steps, message in _faults(schema):
            report(descend(node, steps).mark, "user-schema", message)
    except BrokenTreeError as broken:
        report(broken.mark, broken.rule, broken.message)
    except ValueError:
        pass  # a doubt that is reported already
    if problems:
        raise ProblemsError(problems)
    return schema


def _document(text: str, report: Report) -> Node:
    reader = Reader(text, report)
    event = reader.next_document()
    if event is None:
        raise BrokenTreeError(Position(0, 0), "empty", "holds no schema")
    return reader.node(event)


def _faults(schema: object) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Where a schema is none that can be used offline, and why."""
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        steps = tuple(error.absolute_path)
        yield steps, f"is no JSON Schema: {_why(error)}"
        return
    if isinstance(schema, dict) and schema.get("$schema", DIALECT) != DIALECT:
        yield ("$schema",), f"expected {DIALECT}"
    for steps, keyword, value in _keywords(schema, ()):
        if keyword == "$ref" and not _resolves(schema, value):
            yield steps, "a $ref leads to a place inside the file (#/...): nothing is fetched"
        if keyword == "pattern":
            try:
                re.compile(str(value))
            except re.error as error:
                yield steps, f"is no regular expression: {error}"


def _keywords(
    schema: object, steps: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], Any, Any]]:
    members: Iterable[tuple[Step, Any]] = ()
    if isinstance(schema, dict):
        members = schema.items()
    elif isinstance(schema, list):
        members = enumerate(schema)
    for name, value in members:
        yield (*steps, name), name, value
        yield from _keywords(value, (*steps, name))


def _resolves(schema: object, reference: object) -> bool:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return not isinstance(reference, str)  # no text: a property that is called $ref
    try:
        _target(schema, reference)
    except LookupError:
        return False
    return True


def _target(schema: Any, reference: str) -> Any:
    """What a JSON Pointer such as `#/$defs/owner` leads to; LookupError for nowhere."""
    for step in unquote(reference.removeprefix("#")).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        schema = schema[int(name) if isinstance(schema, list) else name]
    return schema


def _write_only(
    schema: Any,
    root: Any,
    path: tuple[Step | None, ...],
    seen: frozenset[str] = frozenset(),
) -> Iterator[tuple[Step | None, ...]]:
    """The places that a schema marks `writeOnly`, through every keyword that leads to values."""
    if not isinstance(schema, dict):
        return
    if schema.get("writeOnly") is True:
        yield path
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        yield from _write_only(_target(root, reference), root, path, seen | {reference})
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            yield from _write_only(part, root, path, seen)
    for keyword in ("if", "then", "else"):
        yield from _write_only(schema.get(keyword), root, path, seen)
    for name, part in schema.get("properties", {}).items():
        yield from _write_only(part, root, (*path, name), seen)
    for index, part in enumerate(schema.get("prefixItems", ())):
        yield from _write_only(part, root, (*path, index), seen)
    any_of_them = [
        *schema.get("patternProperties", {}).values(),
        *(schema.get(keyword) for keyword in ("additionalProperties", "items", "contains")),
    ]
    for part in any_of_them:
        yield from _write_only(part, root, (*path, None), seen)
