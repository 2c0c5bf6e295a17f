"""The rules now and at commits before -> what no output may show.

Else a pull request that takes a `writeOnly` away, or a manifest from under its rule, would show
live values in its own plan.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from msgspec import structs

from reconciler.errors import ProblemsError
from reconciler.git import Blob, Repository
from reconciler.manifests.discovery import SUFFIXES, Tree
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.settings import FILE, Settings, load_settings
from reconciler.model import Record
from reconciler.planning.compare import union_of_sensitive

Sensitive: TypeAlias = Callable[..., tuple[str, ...] | None]

_EVERYTHING = ("",)
_SID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PastRules:
    """What the rules at a commit hide: of a record, by every file in which it was then."""

    def __init__(self, commit: str, git: Repository, tree: Tree) -> None:
        self.commit, self._git, self._tree = commit, git, tree
        self._settings = Settings()
        self._rules: Rules | None = Rules(self._settings, tree)
        with tempfile.TemporaryDirectory(prefix="reconciler-") as name:
            then = Tree(Path(name, self._from_top(".")).resolve())
            try:
                if self._check_out(FILE, Path(name)):
                    self._settings = load_settings(then)
                    self._rules = Rules(self._with_schemas(Path(name)), then)
            except ProblemsError:
                self._rules = None

    @property
    def is_known(self) -> bool:
        """Whether the rules could be read; where not, all is hidden."""
        return self._rules is not None

    def sensitive(self, record: Record, *texts: str | None) -> tuple[str, ...] | None:
        """Where a text of a record is not to be shown, as JSON Pointers."""
        if self._rules is None:
            return _EVERYTHING
        files = {record.source.file, *self._secretive.get(record.address.sid, ())}
        asked = (
            structs.replace(record, source=structs.replace(record.source, file=file))
            for file in files
        )
        return union_of_sensitive(*(self._rules.sensitive(one, *texts) for one in asked))

    @cached_property
    def _secretive(self) -> Mapping[str, set[str]]:
        """The files of each SID that stood in one of which something is hidden."""
        found: dict[str, set[str]] = {}
        if self._rules is None:
            return found
        for blob, data in self._git.read(self._manifests(self._rules)):
            for sid in _SID.findall(data.lower()):
                found.setdefault(sid.decode(), set()).add(self._named(blob))
        return found

    def _manifests(self, rules: Rules) -> Iterator[Blob]:
        folders = [self._from_top(name) for name in self._settings.manifests]
        for blob in self._git.files(self.commit, folders):
            if blob.path.lower().endswith(SUFFIXES) and rules.hides(self._named(blob)):
                yield blob

    def _with_schemas(self, folder: Path) -> Settings:
        """The settings, with the schemas as they were; what is outside of git is as it is."""
        rules = []
        for rule in self._settings.rules:
            name = rule.user_data_schema
            if name is not None:
                is_there = self._check_out(name, folder)
                name = name if is_there else str(self._tree.path(name))
            rules.append(structs.replace(rule, user_data_schema=name))
        return structs.replace(self._settings, rules=tuple(rules))

    def _check_out(self, file: str, folder: Path) -> bool:
        """Whether the commit holds a file, which is then in the folder by its name from the top.

        By its name alone: a link that a pull request puts there leads elsewhere.
        """
        path = self._from_top(file)
        if path.startswith(".."):
            return False
        for _, data in self._git.read(self._git.files(self.commit, [path])):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            return True
        if file != FILE:
            raise ProblemsError([])  # a rule named it, and it was not there
        return False

    def _from_top(self, name: str) -> str:
        return os.path.relpath(self._tree.path(name), self._git.top)

    def _named(self, blob: Blob) -> str:
        return self._tree.name(self._git.top / blob.path)


def sensitive_by(rules: Rules, pasts: Iterable[PastRules]) -> Sensitive:
    """What a text of a record must not show, as the rules say, and those of the past."""
    asked = [rules.sensitive, *(past.sensitive for past in pasts)]

    def hides(record: Record, *texts: str | None) -> tuple[str, ...] | None:
        return union_of_sensitive(*(ask(record, *texts) for ask in asked))

    return hides
