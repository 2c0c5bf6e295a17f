"""The rules now and at earlier commits -> the values that every output must redact.

Otherwise a pull request could remove `writeOnly` from a schema, or move a manifest out of its rule,
and show live values in its own plan.
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
from reconciler.manifests.settings import FILE, OTHER_NAME, Settings, load_settings
from reconciler.model import Record
from reconciler.planning.compare import union_of_sensitive

# A record and texts of it -> JSON Pointers to redact in the texts (see `model.Change.sensitive`).
Sensitive: TypeAlias = Callable[..., tuple[str, ...] | None]

_FILES = (FILE, OTHER_NAME)

# The JSON Pointer of the whole field.
_EVERYTHING = ("",)
_SID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PastRules:
    """The rules of reconciler.yaml at a commit, applied to each record as it was stored then.

    The rules for a record are those for every file that held its SID at the commit, and those for
    the file that holds it now.
    """

    def __init__(self, commit: str, git: Repository, tree: Tree) -> None:
        self.commit, self._git, self._tree = commit, git, tree
        """The full name of the commit."""
        self._settings = Settings()
        self._rules: Rules | None = Rules(self._settings, tree)
        self._then = Tree(self._root_then())
        """The project as it was at the commit."""
        # Not a git checkout, which runs hooks and filters of the repository (docs/approval.md).
        with tempfile.TemporaryDirectory(prefix="reconciler-") as name:
            then = Tree(Path(name, self._from_top(".")).resolve())
            try:
                if any(self._check_out(file, Path(name)) for file in _FILES):
                    self._settings = load_settings(then)
                    self._rules = Rules(self._with_schemas(Path(name)), then)
            # Rules that cannot be read, as those of a later version, must hide everything.
            except ProblemsError:
                self._rules = None

    @property
    def is_known(self) -> bool:
        """Whether the rules could be read; if not, every value is redacted."""
        return self._rules is not None

    def sensitive(self, record: Record, *texts: str | None) -> tuple[str, ...] | None:
        """JSON Pointers to redact in texts of a record; None if it has no sensitive fields."""
        if self._rules is None:
            return _EVERYTHING
        # A pull request can rename a manifest; the rules at the commit match only its old name.
        # The names in the project as it was then; its root may have been another folder.
        now = self._then.name(self._tree.path(record.source.file))
        files = {now, *self._files_with_secrets.get(record.address.sid, ())}
        asked = (
            structs.replace(record, source=structs.replace(record.source, file=file))
            for file in files
        )
        return union_of_sensitive(*(self._rules.sensitive(one, *texts) for one in asked))

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
        for blob in self._git.files(self.commit, folders):
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
        for _, data in self._git.read(self._git.files(self.commit, [path])):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            return True
        if file not in _FILES:
            raise ProblemsError([])  # a rule names it, and the commit does not hold it
        return False

    def _root_then(self) -> Path:
        """The project's root at the commit: the nearest folder with a file of settings.

        A pull request could bring a file of its own into the folder that a pipeline runs in, and
        would so leave the rules of the folder above (tests/promises).
        """
        root = self._tree.root
        above = (one for one in (root, *root.parents) if one.is_relative_to(self._git.top))
        for folder in above:
            named = [os.path.relpath(folder / file, self._git.top) for file in _FILES]
            if any(True for _ in self._git.files(self.commit, named)):
                return folder
        return root

    def _from_top(self, name: str) -> str:
        return os.path.relpath(self._then.path(name), self._git.top)

    def _named(self, blob: Blob) -> str:
        return self._then.name(self._git.top / blob.path)


def sensitive_by(rules: Rules, pasts: Iterable[PastRules]) -> Sensitive:
    """A function that finds sensitive values by the rules of now and of all given commits."""
    asked = [rules.sensitive, *(past.sensitive for past in pasts)]

    def hides(record: Record, *texts: str | None) -> tuple[str, ...] | None:
        return union_of_sensitive(*(ask(record, *texts) for ask in asked))

    return hides
