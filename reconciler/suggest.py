"""A misspelt word -> "did you mean ...?"."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The closest known word as a question with a space before it, or nothing."""
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(word[:64], known, n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""
