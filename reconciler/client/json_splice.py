"""The text of a JSON object -> the same text with one value replaced; other bytes stay."""

import json
from collections.abc import Iterator


def replaced(text: str, name: str, value: str) -> str:
    """The object with the JSON text `value` for a member; a missing member is added at the end.

    `replaced('{"a": 1.0}', "a", "2")` returns `{"a": 2}`. `text` must be a valid JSON object. If a
    key occurs twice the last one is replaced. Raises RecursionError if the text nests too deeply.
    """
    spans = dict(_spans(text))
    if name in spans:
        start, end = spans[name]
        return f"{text[:start]}{value}{text[end:]}"
    end = text.rindex("}")
    comma = "," if spans else ""
    return f'{text[:end].rstrip()}{comma}"{name}":{value}{text[end:]}'


def _spans(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """The name of each member and the (start, end) offsets of its value, in their order."""
    at = _skip_spaces(text, text.index("{") + 1)
    while text[at] == '"':
        name, at = _SCANNER.raw_decode(text, at)
        start = _skip_spaces(text, _skip_spaces(text, at) + 1)
        _, end = _SCANNER.raw_decode(text, start)
        yield name, (start, end)
        at = _skip_spaces(text, _skip_spaces(text, end) + 1)


def _skip_spaces(text: str, at: int) -> int:
    """The offset of the next character that is not white space; at most that of the last one."""
    while text[at : at + 1] in _SPACES:
        at += 1
    return min(at, len(text) - 1)


# Numbers stay text: only the offset of their end matters.
_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACES = frozenset(" \t\r\n")
