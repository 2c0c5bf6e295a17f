"""The validator of jsonschema (Draft 2020-12), in which patterns are ECMA-262's and linear in time.

jsonschema itself matches patterns with Python's `re`: their meaning differs from JSON Schema's, and
a hostile pattern takes exponential time.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from reconciler.manifests.user_schemas.ecma_regex import compiled


@cache
def validator_class() -> Any:
    """The class of the validator; made at its first use, as jsonschema is slow to import."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # The other keywords with patterns, `propertyNames` and so on, apply `pattern`.
    keywords = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    return extend(Draft202012Validator, keywords, type_checker=types)  # type: ignore[no-untyped-call]


def _is_integer(_: Any, instance: Any) -> bool:
    """Whether a number is whole: 1.0 is an integer (JSON Schema, core, section 4.2.3)."""
    if isinstance(instance, Decimal):
        return instance == instance.to_integral_value()
    return isinstance(instance, int) and not isinstance(instance, bool)


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not compiled(pattern)(instance):
        yield ValidationError("does not match the pattern")


def _pattern_properties(
    validator: Any, properties: dict[str, Any], instance: Any, _: Any
) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, part in properties.items():
            for name in filter(compiled(pattern), instance):
                yield from validator.descend(instance[name], part, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, additional: Any, instance: Any, schema: dict[str, Any]
) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "object"):
        return
    patterns = [compiled(pattern) for pattern in schema.get("patternProperties", ())]
    extras = [
        name
        for name in instance
        if name not in schema.get("properties", ()) and not any(has(name) for has in patterns)
    ]
    if additional is False and extras:
        names = ", ".join(map(repr, extras))
        verb = "was" if len(extras) == 1 else "were"
        yield ValidationError(f"Additional properties are not allowed ({names} {verb} unexpected)")
    elif additional is not False:
        for name in extras:
            yield from validator.descend(instance[name], additional, path=name)
