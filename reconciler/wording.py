"""Counts, cut texts and misspelt words -> the words of a message."""

from collections.abc import Iterable, Sequence


def plural(number: int, noun: str) -> str:
    """A count with its noun: `1 record`, `4,815 records`. The plural of the noun ends with `s`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def first_of(items: Sequence[object], most: int = 10) -> str:
    """The first items in one line: `a, b, ... and 3 more`."""
    rest = len(items) - most
    return ", ".join(map(str, items[:most])) + (f", ... and {rest:,} more" if rest > 0 else "")


def shorten(text: str, most: int) -> str:
    """A text of at most `most` characters; one that is cut ends with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean `max_clears`?)` with the leading space; empty if no known word is close."""
    close = nearest(word, known)
    return "" if close is None else f" (did you mean `{close}`?)"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like a misspelt one; None if none is close."""
    from difflib import get_close_matches  # imported late: only an error message needs it

    return next(iter(get_close_matches(word[:64], known, n=1)), None)
