"""Patterns as in .gitignore + names of files -> which patterns match which name.

One dialect for `rules[].paths`, `--target`, `--exclude` and CODEOWNERS:
https://git-scm.com/docs/gitignore#_pattern_format. pathspec translates a pattern into a regular
expression. RE2 compares a name with all of them at once, in time linear in the length of the name,
so that no pattern of a pull request can make a run slow.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re2

# No path that a pattern is written for is longer. RE2 has a fixed amount of memory.
MAX_CHARS = 1_000
_MEMORY_BYTES = 256 * 1024 * 1024


class Globs:
    """Patterns, numbered from 0 in their order.

    A pattern that matches a folder matches every file below it. `docs/*` is such a pattern, unless
    `shallow`: in CODEOWNERS it matches only the files directly in `docs`. A pattern that is the
    name of a file matches that file, whatever its characters mean: `manifests/[prod].yaml`.

    Raises ValueError for a pattern in which `fault` finds something.
    """

    def __init__(self, patterns: Iterable[str], *, shallow: bool = False) -> None:
        self._numbers: list[int] = []
        """Index in the set of RE2 -> number of the pattern; a blank pattern is not in the set."""
        self._by_name: dict[str, list[int]] = {}
        self._set = _empty_set()
        for number, pattern in enumerate(patterns):
            self._by_name.setdefault(pattern.removeprefix("/"), []).append(number)
            if expression := _expression(pattern, shallow=shallow):
                self._set.Add(expression)
                self._numbers.append(number)
        self._set.Compile()

    def matching(self, file: str) -> list[int]:
        """The numbers of the patterns that match a file, in ascending order.

        `file` is relative to the folder of the patterns, with `/` between its names.
        """
        found = self._set.Match(_encodable(file)) or ()
        return sorted({*(self._numbers[index] for index in found), *self._by_name.get(file, ())})


def fault(pattern: str, *, shallow: bool = False) -> str:
    """The reason that a pattern cannot be used, to follow the pattern; empty if it can be."""
    import re2

    if len(pattern) > MAX_CHARS:
        return f"has {len(pattern):,} characters; a pattern has at most {MAX_CHARS:,}"
    try:
        _empty_set().Add(_expression(pattern, shallow=shallow))
    except (ValueError, re2.error):
        return "is not a pattern as in .gitignore"
    return ""


def _empty_set() -> "re2.Set":
    import re2

    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.never_capture = True  # a set cannot capture
    options.log_errors = False
    return re2.Set.SearchSet(options)


def _expression(pattern: str, *, shallow: bool) -> str:
    """The regular expression of a pattern, for a search; empty if the pattern is blank."""
    from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    # In .gitignore these start a negation and a comment. Here a pattern is neither.
    plain = f"\\{pattern}" if pattern.startswith(("!", "#")) else pattern
    # To git, `a/**/` are the folders below `a`; pathspec also matches the files directly in `a`.
    if plain == "**/" or plain.endswith("/**/"):
        plain += "*/"
    library = GitIgnoreBasicPattern if shallow else GitIgnoreSpecPattern
    return library.pattern_to_regex(_encodable(plain))[0] or ""


def _encodable(text: str) -> str:
    """A text that RE2 accepts: a byte of a name that is not UTF-8 becomes `?` on both sides."""
    return text.encode("utf-8", "replace").decode()
