"""The rules now and at the base -> what no output may show.

Else a pull request that takes a `writeOnly` away would show live values in its own plan.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from reconciler.config import FILE, settings
from reconciler.errors import ProblemsError
from reconciler.history import repository
from reconciler.model import Record
from reconciler.plan import hidden_by
from reconciler.revision import Repository
from reconciler.rules import Rules

Hides: TypeAlias = Callable[..., tuple[str, ...] | None]


def by(rules: Rules, base: str | None, paths: Sequence[Path]) -> Hides:
    """What a text of a record must not show, as the rules say, and those at the base, if any."""
    past = None if base is None else _rules_at(base, repository(paths))
    if past is None:
        return rules.sensitive

    def hides(record: Record, *texts: str | None) -> tuple[str, ...] | None:
        return hidden_by(rules.sensitive(record, *texts), past.sensitive(record, *texts))

    return hides


def _rules_at(commit: str, git: Repository) -> Rules | None:
    """The rules of `reconciler.yaml` at a commit, None where there were none that can be read."""
    with tempfile.TemporaryDirectory(prefix="reconciler-") as name:
        folder = Path(name)
        try:
            if not _checked_out(commit, git, FILE, folder):
                return None
            found = settings(folder / FILE)
            for rule in found.rules:
                if rule.user_data_schema is not None:
                    _checked_out(commit, git, Path(rule.user_data_schema), folder)
            return Rules(found, folder)
        except ProblemsError:
            return None


def _checked_out(commit: str, git: Repository, file: Path, folder: Path) -> bool:
    """Whether a commit holds a file, which is then in the folder by the same relative name."""
    # By its name alone: a link that a pull request puts there leads elsewhere.
    path = os.path.normpath(Path(os.path.relpath(Path.cwd(), git.top), file))
    if path.startswith(("/", "..")):
        return False
    for _, data in git.read(git.files(commit, [path])):
        target = folder / file
        if not target.resolve().is_relative_to(folder.resolve()):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return True
    return False
