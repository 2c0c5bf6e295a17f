"""A CODEOWNERS file -> the owners of a manifest, as GitHub and GitLab read it; only for display.

https://docs.github.com/articles/about-code-owners, https://docs.gitlab.com/user/project/codeowners/.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path

from msgspec import Struct

from reconciler.files import read_regular

# The first one that exists counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


# GitHub's own limit is 3 MB. No file of 5,000 rules is known.
_MAX_BYTES = 3 * 1024 * 1024
_MOST_RULES = 5_000

# A team, a person or an e-mail address. Nothing else of the file is shown: it may be another kind
# of file, with secrets in it.
_OWNER = re.compile(r"@[\w./-]+|[\w.+-]+@[\w-]+(\.[\w-]+)+")


class _Rule(Struct, frozen=True):
    """One line of the file."""

    section: str
    """GitLab's section in lower case; empty above the first section, and on GitHub."""
    pattern: tuple[str, ...]
    """Names and globs of a path from the top of the repository; `**` is any number of names."""
    owners: tuple[str, ...]
    """Teams, persons and e-mail addresses; empty if the rule takes a file from its owners."""


class Owners:
    """The rules of one CODEOWNERS file; false if it has none, and then no file has an owner.

    File names are relative to `folder`, which is relative to the top of the repository.
    """

    def __init__(self, lines: Iterable[str] = (), folder: str = "") -> None:
        self._rules = tuple(_rules(lines))
        self._by_start: dict[tuple[str, ...], list[int]] = {}
        for number, rule in enumerate(self._rules):
            self._by_start.setdefault(_start(rule.pattern), []).append(number)
        self._folder = folder
        self._known: dict[str, tuple[str, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, file: str) -> tuple[str, ...]:
        """The owners of a file, each once: in every section those of the last rule that matches.

        Empty if no rule matches, or if the rule names no owners.
        """
        if file not in self._known:
            names = posixpath.normpath(posixpath.join(self._folder, file)).split("/")
            rules = (self._rules[number] for number in sorted(self._candidates(names)))
            last = {rule.section: rule.owners for rule in rules if _matches(rule.pattern, names)}
            self._known[file] = tuple(dict.fromkeys(one for some in last.values() for one in some))
        return self._known[file]

    def _candidates(self, names: Sequence[str]) -> Iterator[int]:
        """The numbers of the rules that can match: few of thousands begin as the path does."""
        starts = {tuple(names[:length]) for length in range(len(names) + 1)}
        starts |= {("**", name) for name in names}
        for start in starts:
            yield from self._by_start.get(start, ())


def _start(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """The names without wildcards at the start of a pattern; `("**", name)` if it starts with `**`.

    Rules are looked up by it, so that a file is compared only with the rules that can match.
    """
    if pattern[0] == "**" and len(pattern) > 1 and not _STARRED & set(pattern[1]):
        return pattern[:2]
    return tuple(takewhile(lambda name: not _STARRED & set(name), pattern))


_STARRED = frozenset("*?")


def read(folder: Path) -> Owners:
    """The owners of the repository around a folder; without rules if it has no readable file."""
    here = folder.resolve()
    top = next((one for one in (here, *here.parents) if (one / ".git").exists()), here)
    for difference in PLACES:
        if (top / difference).parent.is_symlink():
            continue
        try:
            # A link could lead to a secret of this machine, which would be shown as an owner.
            data = read_regular(top / difference, _MAX_BYTES, follow_links=False)
            lines = data.decode().splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        return Owners(islice(lines, _MOST_RULES), here.relative_to(top).as_posix())
    return Owners()


_SECTION = re.compile(r"\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?P<owners>.*)")


def _rules(lines: Iterable[str]) -> Iterable[_Rule]:
    section, default = "", _owners(())
    for line in lines:
        words = _words(line)
        heading = _SECTION.fullmatch(" ".join(words))
        if heading is not None:
            section, default = heading["name"].lower(), _owners(heading["owners"].split())
        elif words:
            yield _Rule(section, _pattern(words[0]), _owners(words[1:]) or default)


def _owners(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word in words if _OWNER.fullmatch(word))


def _words(line: str) -> list[str]:
    """The words of a line without its comment; a space after a backslash belongs to its word."""
    parts = re.findall(r"(?:\\.|[^\s\\])+", line)
    words = []
    for part in parts:
        if part.startswith("#"):
            break
        words.append(re.sub(r"\\(.)", r"\1", part))
    return words


def _pattern(glob: str) -> tuple[str, ...]:
    """A pattern of gitignore, name by name; with a slash in it, it starts at the top.

    A pattern that matches a folder matches every file below it, but `docs/*` matches only the files
    directly in `docs`.
    """
    anchored = "/" in glob.rstrip("/")
    names = re.sub(r"\*{3,}", "**", glob).strip("/").split("/")
    names = [name if name == "**" else name.replace("**", "*") for name in names]
    below = ["**"] if names[-1] != "**" and not glob.endswith("/*") else []
    found = [*([] if anchored else ["**"]), *names, *below]
    # Several `**` in a row match the same as one, and would only multiply the attempts to match.
    pairs = zip(found, ["", *found], strict=False)
    return tuple(name for name, before in pairs if not name == before == "**")


def _matches(pattern: tuple[str, ...], names: Sequence[str]) -> bool:
    """Whether a path matches a pattern; `**` matches any number of names.

    After a mismatch only the last `**` takes one name more. That is enough, and the time is at most
    the product of both lengths: a pattern of a pull request cannot cause exponential backtracking.
    """
    return _starred(pattern, names, "**", _name_matches)


def _name_matches(glob: str, name: str) -> bool:
    return _starred(glob, name, "*", lambda one, other: one in ("?", other))


def _starred(
    pattern: Sequence[str], text: Sequence[str], star: str, alike: Callable[[str, str], bool]
) -> bool:
    at = here = 0
    back, tried = -1, 0
    while here < len(text):
        if at < len(pattern) and pattern[at] == star:
            back, tried, at = at, here, at + 1
        elif at < len(pattern) and alike(pattern[at], text[here]):
            at, here = at + 1, here + 1
        elif back >= 0:
            tried += 1
            at, here = back + 1, tried
        else:
            return False
    return all(part == star for part in pattern[at:])
