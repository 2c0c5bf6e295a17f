"""CODEOWNERS -> who owns a manifest, as GitHub and GitLab read it; for display alone.

https://docs.github.com/articles/about-code-owners, https://docs.gitlab.com/user/project/codeowners/.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path

from msgspec import Struct

from reconciler.files import read_regular

# In this order; the first one that is there counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


# The host's own limit is 3 MB; so many rules have never been met.
_MAX_BYTES = 3 * 1024 * 1024
_MOST_RULES = 5_000

# A team, a person, an address: nothing else is shown of a file that may be something else.
_OWNER = re.compile(r"@[\w./-]+|[\w.+-]+@[\w-]+(\.[\w-]+)+")


class _Rule(Struct, frozen=True):
    section: str
    pattern: tuple[str, ...]
    owners: tuple[str, ...]


class Owners:
    """The rules of one file; without any, nothing has an owner.

    `folder` is where the names of files begin, from the top of the repository.
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
        """Who owns a file: in every section the last rule that matches has the word."""
        if file not in self._known:
            names = posixpath.normpath(posixpath.join(self._folder, file)).split("/")
            rules = (self._rules[number] for number in sorted(self._candidates(names)))
            last = {rule.section: rule.owners for rule in rules if _matches(rule.pattern, names)}
            self._known[file] = tuple(dict.fromkeys(one for some in last.values() for one in some))
        return self._known[file]

    def _candidates(self, names: Sequence[str]) -> Iterator[int]:
        """The rules that can match: of thousands few begin as a path does."""
        starts = {tuple(names[:length]) for length in range(len(names) + 1)}
        starts |= {("**", name) for name in names}
        for start in starts:
            yield from self._by_start.get(start, ())


def _start(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """The names without stars that a pattern begins with; or the one that it looks for anywhere."""
    if pattern[0] == "**" and len(pattern) > 1 and not _STARRED & set(pattern[1]):
        return pattern[:2]
    return tuple(takewhile(lambda name: not _STARRED & set(name), pattern))


_STARRED = frozenset("*?")


def read(folder: Path) -> Owners:
    """The owners that the repository round a folder names; none where it names none."""
    here = folder.resolve()
    top = next((one for one in (here, *here.parents) if (one / ".git").exists()), here)
    for difference in PLACES:
        if (top / difference).parent.is_symlink():
            continue
        try:
            # A link could lead to a secret of this machine, to be shown as somebody's name.
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
    """The words of a line without its comment; a space behind a backslash belongs to its word."""
    parts = re.findall(r"(?:\\.|[^\s\\])+", line)
    words = []
    for part in parts:
        if part.startswith("#"):
            break
        words.append(re.sub(r"\\(.)", r"\1", part))
    return words


def _pattern(glob: str) -> tuple[str, ...]:
    """A pattern of gitignore by the names of a path: from the top where it holds a slash.

    What matches a folder matches all below it; but `docs/*` are the files there and no deeper ones.
    """
    anchored = "/" in glob.rstrip("/")
    names = re.sub(r"\*{3,}", "**", glob).strip("/").split("/")
    names = [name if name == "**" else name.replace("**", "*") for name in names]
    below = ["**"] if names[-1] != "**" and not glob.endswith("/*") else []
    found = [*([] if anchored else ["**"]), *names, *below]
    # Several in a row say the same as one, and would only be tried again and again.
    pairs = zip(found, ["", *found], strict=False)
    return tuple(name for name, before in pairs if not name == before == "**")


def _matches(pattern: tuple[str, ...], names: Sequence[str]) -> bool:
    """Whether a path matches, name by name, `**` being any number of them.

    Where a choice was wrong only the last `**` is tried again: that is enough, and never more than
    the product of both lengths.
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
