"""The text of a JSON object -> the same text with one value in it replaced, and nothing else."""

import json
from collections.abc import Iterator


def replaced(text: str, name: str, value: str) -> str:
    """The object with another JSON value for a member, which is added where it is missing."""
    spans = dict(_spans(text))
    if name in spans:
        start, end = spans[name]
        return f"{text[:start]}{value}{text[end:]}"
    end = text.rindex("}")
    comma = "," if spans else ""
    return f'{text[:end].rstrip()}{comma}"{name}":{value}{text[end:]}'


def _spans(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Where in the text of an object the value of each member is."""
    at = _inked(text, text.index("{") + 1)
    while text[at] == '"':
        name, at = _SCANNER.raw_decode(text, at)
        start = _inked(text, _inked(text, at) + 1)
        _, end = _SCANNER.raw_decode(text, start)
        yield name, (start, end)
        at = _inked(text, _inked(text, end) + 1)


def _inked(text: str, at: int) -> int:
    """The next place that is no white space; that of the end, where nothing follows."""
    while text[at : at + 1] in _SPACES:
        at += 1
    return min(at, len(text) - 1)


# Numbers stay text: nothing about them matters but where they end.
_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACES = frozenset(" \t\r\n")
