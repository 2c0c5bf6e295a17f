"""A CODEOWNERS file -> the owners of a manifest, as GitHub and GitLab read it; only for display.

https://docs.github.com/articles/about-code-owners, https://docs.gitlab.com/user/project/codeowners/.
"""

import posixpath
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from msgspec import Struct

from reconciler.files import read_regular
from reconciler.manifests.globs import Globs, fault

# The first one that exists counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


# GitHub's own limit is 3 MB. No file of 5,000 rules is known.
_MAX_BYTES = 3 * 1024 * 1024
_MAX_RULES = 5_000

# A team, a person or an e-mail address. Nothing else of the file is shown: it may be another kind
# of file, with secrets in it.
_OWNER = re.compile(r"@[\w./-]+|[\w.+-]+@[\w-]+(\.[\w-]+)+")


class _Rule(Struct, frozen=True):
    """One line of the file."""

    section: str
    """GitLab's section in lower case; empty above the first section, and on GitHub."""
    pattern: str
    """As in .gitignore, relative to the top of the repository."""
    owners: tuple[str, ...]
    """Teams, persons and e-mail addresses; empty if the rule takes a file from its owners."""
    excludes: bool = False
    """Whether the rule takes a file out of its section for good (GitLab's `!pattern`)."""


class Owners:
    """The rules of one CODEOWNERS file; false if it has none, and then no file has an owner.

    File names are relative to `folder`, which is relative to the top of the repository.
    """

    def __init__(self, lines: Iterable[str] = (), folder: str = "") -> None:
        # GitHub and GitLab skip a line that they cannot use.
        self._rules = tuple(rule for rule in _rules(lines) if not fault(rule.pattern, shallow=True))
        self._globs = Globs((rule.pattern for rule in self._rules), shallow=True)
        self._folder = folder
        self._known: dict[str, tuple[str, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, file: str) -> tuple[str, ...]:
        """The owners of a file, each once: in every section those of the last rule that matches.

        Empty if no rule matches, or if the rule names no owners.
        """
        if file not in self._known:
            path = posixpath.normpath(posixpath.join(self._folder, file))
            rules = (self._rules[number] for number in self._globs.matching(path))
            # `matching` yields ascending numbers, and the last matching rule wins on both hosts.
            last: dict[str, tuple[str, ...]] = {}
            out: set[str] = set()
            for rule in rules:
                last[rule.section] = rule.owners
                out |= {rule.section} if rule.excludes else set()
            for section in out:
                del last[section]
            self._known[file] = tuple(dict.fromkeys(one for some in last.values() for one in some))
        return self._known[file]


def read(folder: Path) -> Owners:
    """The owners of the repository around a folder; without rules if it has no readable file."""
    here = folder.resolve()
    # `exists`, not `is_dir`: in a worktree or a submodule `.git` is a file.
    top = next((one for one in (here, *here.parents) if (one / ".git").exists()), here)
    for place in PLACES:
        # O_NOFOLLOW in `read_regular` refuses a link only as the last name of a path.
        if (top / place).parent.is_symlink():
            continue
        try:
            # A link could lead to a secret of this machine, which would be shown as an owner.
            data = read_regular(top / place, _MAX_BYTES, follow_links=False)
            lines = data.decode().splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        if place.startswith(".github/"):
            # Only GitLab knows `!pattern`; GitHub skips such a line.
            lines = [line for line in lines if not line.startswith("!")]
        return Owners(islice(lines, _MAX_RULES), here.relative_to(top).as_posix())
    return Owners()


# GitLab: `^` marks an optional section, `[2]` a number of required approvals.
_SECTION = re.compile(r"\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?P<owners>.*)")


def _rules(lines: Iterable[str]) -> Iterable[_Rule]:
    section, default = "", _owners(())
    for line in lines:
        words = _words(line)
        heading = _SECTION.fullmatch(" ".join(words))
        if heading is not None:
            # GitLab combines sections whose names differ only in case.
            section, default = heading["name"].lower(), _owners(heading["owners"].split())
        elif words:
            excludes = words[0].startswith("!") and len(words[0]) > 1
            pattern = words[0][1:] if excludes else words[0]
            yield _Rule(section, pattern, _owners(words[1:]) or default, excludes)


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
