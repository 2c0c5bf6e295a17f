"""The validator of jsonschema (Draft 2020-12), in bounded work and with ECMA-262's patterns.

jsonschema itself matches patterns with Python's `re`: their meaning differs from JSON Schema's, and
a hostile pattern takes exponential time. So does a schema whose `allOf` doubles at each level, and
`uniqueItems` takes time in the square of the items.
"""

from collections.abc import Callable, Iterator, Sized
from decimal import Decimal
from typing import Any

from reconciler.manifests.user_schemas.ecma_regex import compiled

# A keyword, applied to a value, is a step, and so is each of its parts and of the value's.
MAX_STEPS_A_VALUE = 1_000_000
# For all values of a run together, with this many more for each value.
MAX_STEPS = 20_000_000
MAX_STEPS_ON_AVERAGE = 500


class TooCostlyError(Exception):
    """A schema takes more work for a value than it may."""


class Meter:
    """Counts the steps of one schema. Raises TooCostlyError beyond the limits."""

    def __init__(self) -> None:
        self._steps = 0
        self._left = MAX_STEPS

    def next_value(self) -> None:
        """Begins to count for another value."""
        self._steps = 0
        self._left += MAX_STEPS_ON_AVERAGE

    def step(self, *parts: object) -> None:
        """Counts one application of a keyword, whose value and instance are given."""
        cost = 1 + sum(len(one) for one in parts if isinstance(one, Sized))
        self._steps += cost
        self._left -= cost
        if self._steps > MAX_STEPS_A_VALUE or self._left < 0:
            raise TooCostlyError


# A keyword of jsonschema: (validator, value of the keyword, instance, schema) -> errors.
Keyword = Callable[[Any, Any, Any, Any], Any]


def validator_class(meter: Meter) -> Any:
    """The class of a validator that counts its steps."""
    from jsonschema import Draft202012Validator  # slow to import
    from jsonschema.validators import extend

    # The other keywords with patterns, `propertyNames` and so on, apply `pattern`.
    ours = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    known: dict[str, Any] = dict(Draft202012Validator.VALIDATORS)
    keywords = {name: _metered(keyword, meter) for name, keyword in (known | ours).items()}
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    return extend(Draft202012Validator, keywords, type_checker=types)  # type: ignore[no-untyped-call]


def _metered(keyword: Keyword, meter: Meter) -> Keyword:
    def metered(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        meter.step(value, instance)
        return keyword(validator, value, instance, schema)

    return metered


def _unique_items(validator: Any, unique: Any, instance: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if unique is True and validator.is_type(instance, "array"):
        seen = {_by_value(item) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("has equal items")


def _by_value(item: Any) -> object:
    """A hashable value that is equal for equal JSON values: 1 and 1.0, but not true."""
    if isinstance(item, dict):
        return "object", frozenset((name, _by_value(value)) for name, value in item.items())
    if isinstance(item, list):
        return "array", tuple(map(_by_value, item))
    return ("boolean" if isinstance(item, bool) else "", item)


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
