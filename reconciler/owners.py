"""CODEOWNERS -> who owns a manifest, as GitHub and GitLab read it; for display alone.

https://docs.github.com/articles/about-code-owners, https://docs.gitlab.com/user/project/codeowners/.
"""

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

# In this order; the first one that is there counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


class _Rule(Struct, frozen=True):
    section: str
    pattern: re.Pattern[str]
    owners: tuple[str, ...]


class Owners:
    """The rules of one file; without any, nothing has an owner.

    `folder` is where the names of files begin, from the top of the repository.
    """

    def __init__(self, lines: Iterable[str] = (), folder: str = "") -> None:
        self._rules = tuple(_rules(lines))
        self._folder = folder
        self._known: dict[str, tuple[str, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, file: str) -> tuple[str, ...]:
        """Who owns a file: in every section the last rule that matches has the word."""
        if file not in self._known:
            path = posixpath.normpath(posixpath.join(self._folder, file))
            last = {
                rule.section: rule.owners
                for rule in self._rules
                if rule.pattern.fullmatch(path) is not None
            }
            self._known[file] = tuple(dict.fromkeys(one for some in last.values() for one in some))
        return self._known[file]


def read(folder: Path) -> Owners:
    """The owners that the repository round a folder names; none where it names none."""
    here = folder.resolve()
    top = next((one for one in (here, *here.parents) if (one / ".git").exists()), here)
    for place in PLACES:
        try:
            lines = (top / place).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        return Owners(lines, here.relative_to(top).as_posix())
    return Owners()


_SECTION = re.compile(r"\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?P<owners>.*)")


def _rules(lines: Iterable[str]) -> Iterable[_Rule]:
    section, default = "", ()
    for line in lines:
        words = _words(line)
        heading = _SECTION.fullmatch(" ".join(words))
        if heading is not None:
            section, default = heading["name"].lower(), tuple(heading["owners"].split())
        elif words:
            yield _Rule(section, _pattern(words[0]), tuple(words[1:]) or default)


def _words(line: str) -> list[str]:
    """The words of a line without its comment; a space behind a backslash belongs to its word."""
    parts = re.findall(r"(?:\\.|[^\s\\])+", line)
    words = []
    for part in parts:
        if part.startswith("#"):
            break
        words.append(re.sub(r"\\(.)", r"\1", part))
    return words


def _pattern(glob: str) -> re.Pattern[str]:
    """A pattern of gitignore: from the top where it holds a slash, all below it where a folder."""
    anchored = "/" in glob.rstrip("/")
    regex = "".join(map(_part, re.findall(r"\*\*/|/\*\*$|\*|\?|[^*?/]+|/", glob.strip("/"))))
    start = "" if anchored else "(?:.*/)?"
    # `docs/*` are the files there and no deeper ones; all else may be a folder, too.
    end = "" if glob.endswith("/*") else "/.*" if glob.endswith("/") else "(?:/.*)?"
    return re.compile(f"{start}{regex}{end}", re.DOTALL)


def _part(part: str) -> str:
    return {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)
