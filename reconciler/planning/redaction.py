"""The rules now and at earlier commits -> the values that every output must redact.

Otherwise a pull request could remove `writeOnly` from a schema, or move a manifest out of its rule,
and show live values in its own plan.
"""

import os
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from msgspec import structs

from reconciler.errors import ProblemsError
from reconciler.git import SUBMODULE, Blob, Repository
from reconciler.manifests.discovery import SUFFIXES, Tree
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.settings import FILE, OTHER_NAME, Settings, load_settings
from reconciler.model import Record
from reconciler.planning.compare import union_of_sensitive

# A record and texts of it -> JSON Pointers to redact in the texts (see `model.Change.sensitive`).
Sensitive: TypeAlias = Callable[..., tuple[str, ...] | None]

_FILES = (FILE, OTHER_NAME)
# The option of a rule that names a schema. YAML could write it with escapes, in double quotes.
_NAMES_SCHEMA = re.compile(rb"user_data_schema|\\")

# The JSON Pointer of the whole field.
_EVERYTHING = ("",)
_SID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PastRules:
    """The rules of every reconciler.yaml of a commit, applied to each record as it was stored then.

    The rules for a record are those for every file that held its SID at the commit, and those for
    the file that holds it now. All projects of the repository are asked: a pull request can move
    the project's root, or a manifest from one project to another.
    """

    def __init__(self, commit: str, git: Repository, tree: Tree) -> None:
        self.commit = commit
        """The full name of the commit."""
        held = [
            blob
            for blob in git.files(commit, ["."])
            if posixpath.basename(blob.path) in _FILES and blob.mode != SUBMODULE
        ]
        roots = {
            git.top / posixpath.dirname(blob.path): None
            for blob, data in git.read(held)
            # A project of others whose settings name no schema hides nothing.
            if _NAMES_SCHEMA.search(data)
            or _on_one_line(git.top / posixpath.dirname(blob.path), tree.root)
        }
        self._projects = tuple(_PastProject(commit, git, tree, root) for root in roots)

    @property
    def is_known(self) -> bool:
        """Whether the rules could be read; if not, every value is redacted."""
        return all(project.is_known for project in self._projects)

    def sensitive(self, record: Record, *texts: str | None) -> tuple[str, ...] | None:
        """JSON Pointers to redact in texts of a record; None if it has no sensitive fields."""
        return union_of_sensitive(
            *(project.sensitive(record, *texts) for project in self._projects)
        )

    def hides(self, record: Record) -> bool:
        """Whether a schema of the commit marks anything of a record as sensitive."""
        return any(project.hides(record) for project in self._projects)


class _PastProject:
    """The rules of one reconciler.yaml at a commit."""

    def __init__(self, commit: str, git: Repository, tree: Tree, root: Path) -> None:
        self._commit, self._git, self._tree = commit, git, tree
        self._settings = Settings()
        self._rules: Rules | None = None
        self._then = Tree(root)
        """The project as it was at the commit."""
        # Not a git checkout, which runs hooks and filters of the repository (docs/approval.md).
        with tempfile.TemporaryDirectory(prefix="reconciler-") as name:
            then = Tree(Path(name, self._from_top(".")).resolve())
            # Rules that cannot be read, as those of a later version, must hide everything.
            with suppress(ProblemsError):
                for file in _FILES:
                    self._check_out(file, Path(name))
                self._settings = load_settings(then)
                self._rules = Rules(self._with_schemas(Path(name)), then)

    @property
    def is_known(self) -> bool:
        """Whether the rules could be read; if not, every value is redacted."""
        return self._rules is not None

    def sensitive(self, record: Record, *texts: str | None) -> tuple[str, ...] | None:
        """JSON Pointers to redact in texts of a record; None if it has no sensitive fields."""
        if self._rules is None:
            return _EVERYTHING
        asked = (
            structs.replace(record, source=structs.replace(record.source, file=file))
            for file in self._files(record)
        )
        return union_of_sensitive(*(self._rules.sensitive(one, *texts) for one in asked))

    def hides(self, record: Record) -> bool:
        """Whether a schema marks anything of a record as sensitive."""
        rules = self._rules
        return rules is None or any(map(rules.hides, self._files(record)))

    def _files(self, record: Record) -> set[str]:
        """The files of a record, now and then, by the names that the rules know."""
        # A pull request can rename a manifest; the rules at the commit match only its old name.
        return {*self._names_now(record), *self._files_with_secrets.get(record.address.sid, ())}

    def _names_now(self, record: Record) -> Iterator[str]:
        """The names of the file that holds a record now, for the rules of this project.

        If its root lies on one line with that of now, the root may have been moved: then both the
        name in the project of now and that in the project of then are asked. Another project of the
        repository has to do only with the files in its folder.
        """
        file, root = record.source.file, self._then.root
        name = self._then.name(self._tree.path(file))
        now = self._tree.root
        if _on_one_line(root, now):
            yield file
            yield name
        elif not name.startswith("/"):
            yield name

    @cached_property
    def _files_with_secrets(self) -> Mapping[str, set[str]]:
        """SID -> the files that held it at the commit; only files whose rules hide something."""
        found: dict[str, set[str]] = {}
        if self._rules is None:
            return found
        for blob, data in self._git.read(self._manifests(self._rules)):
            # Not a parse: this also works in broken files, and a SID too many only hides more.
            for sid in _SID.findall(data.lower()):
                found.setdefault(sid.decode(), set()).add(self._named(blob))
        return found

    def _manifests(self, rules: Rules) -> Iterator[Blob]:
        names = dict.fromkeys(self._settings.manifests)
        for environment in self._settings.environments.values():
            names |= dict.fromkeys(environment.manifests or ())
        folders = [self._from_top(name) for name in names]
        for blob in self._git.files(self._commit, folders):
            if blob.path.lower().endswith(SUFFIXES) and rules.hides(self._named(blob)):
                yield blob

    def _with_schemas(self, folder: Path) -> Settings:
        """The settings with the schemas of the commit; schemas outside of git are read as now."""
        rules = []
        for rule in self._settings.rules:
            name = rule.user_data_schema
            if name is not None:
                is_there = self._check_out(name, folder)
                name = name if is_there else str(self._then.path(name))
            rules.append(structs.replace(rule, user_data_schema=name))
        return structs.replace(self._settings, rules=tuple(rules))

    def _check_out(self, file: str, folder: Path) -> bool:
        """Writes a file of the commit into the folder; False if the commit does not hold it.

        The file keeps its path from the top of the repository. Links are not followed: a link that
        a pull request adds could lead to another file. Raises ProblemsError if a rule names the
        file and the commit does not hold it.
        """
        path = self._from_top(file)
        # Outside of the repository: git has no such path, and `target` would leave `folder`.
        if path.startswith(".."):
            return False
        for _, data in self._git.read(self._git.files(self._commit, [path])):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            return True
        if file not in _FILES:
            raise ProblemsError([])  # a rule names it, and the commit does not hold it
        return False

    def _from_top(self, name: str) -> str:
        return os.path.relpath(self._then.path(name), self._git.top)

    def _named(self, blob: Blob) -> str:
        return self._then.name(self._git.top / blob.path)


def _on_one_line(one: Path, other: Path) -> bool:
    """Whether one of two folders is in the other, or is the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def sensitive_by(rules: Rules, pasts: Iterable[PastRules]) -> Sensitive:
    """A function that finds sensitive values by the rules of now and of all given commits."""
    earlier = tuple(pasts)

    def hides(record: Record, *texts: str | None) -> tuple[str, ...] | None:
        # A pull request chooses the schema of now. Applied to a live value that an earlier schema
        # hides, it could answer questions about it: each branch that matches redacts something
        # else. The text of git answers none.
        covered = any(past.hides(record) for past in earlier)
        now = rules.sensitive(record, *([record.wanted] if covered else texts))
        return union_of_sensitive(now, *(past.sensitive(record, *texts) for past in earlier))

    return hides
