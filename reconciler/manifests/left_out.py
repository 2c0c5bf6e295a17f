"""A checkout compared with git: the files that it leaves out, and those that git ignores."""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from msgspec import structs

from reconciler.errors import ReconcilerError
from reconciler.git import SUBMODULE, Blob, Repository
from reconciler.manifests.discovery import SUFFIXES, is_in, is_utf8
from reconciler.manifests.loader import Manifests
from reconciler.manifests.settings import FILE, OTHER_NAME
from reconciler.model import Problem, Severity, Source

# The mode of a link in a tree of git.
_LINK = "120000"


def with_left_out(git: Repository, manifests: Manifests) -> Manifests:
    """The manifests, with the files that git holds and the checkout leaves out.

    Their records are wanted: a sparse checkout removes nothing. Raises ReconcilerError if the
    settings themselves are left out.
    """
    settings = manifests.settings
    schemas = (rule.user_data_schema for rule in settings.rules)
    names = (*manifests.names, *settings.manifests, *filter(None, schemas), FILE, OTHER_NAME)
    tree = manifests.tree
    inside = set(filter(None, (git.inside(tree.path(name)) for name in names)))
    blobs = {tree.name(git.top / blob.path): blob for blob in git.left_out(sorted(inside))}
    for name in (FILE, OTHER_NAME):
        if name in blobs:
            raise ReconcilerError(
                f"{name}: git holds it, and the checkout leaves it out (sparse checkout or "
                "skip-worktree): its guards would be lost; check it out"
            )
    # Below a named folder, as `Tree.find` does: the folder itself may begin with a dot.
    wanted = [
        blob
        for file, blob in blobs.items()
        if any(is_in(file, name) and is_manifest(blob, _below(file, name)) for name in names)
    ]
    if not wanted:
        return manifests
    left_out = {tree.name(git.top / blob.path): data for blob, data in git.read(wanted)}
    return structs.replace(manifests, tree=structs.replace(tree, left_out=left_out))


def ignored(git: Repository, manifests: Manifests) -> Iterator[Problem]:
    """A warning for each manifest that a `.gitignore` hides from git: no commit holds it."""
    tree = manifests.tree
    inside = list(filter(None, (git.inside(tree.path(name)) for name in manifests.names)))
    for path in git.ignored(inside) if inside else ():
        name = tree.name(git.top / path)
        if name.lower().endswith(SUFFIXES) and is_utf8(name):
            message = "is ignored by git (.gitignore): its records are in no commit"
            yield Problem(Source(name, 1, 1), "ignored", message, Severity.WARNING)


def _below(file: str, name: str) -> Path:
    """The path of a file below a named folder; `.` for the file that is named itself."""
    return Path(posixpath.relpath(file, name))


def is_manifest(blob: Blob, inside: Path) -> bool:
    """Whether `Tree.find` would find this file in a working tree."""
    hidden = any(part.startswith(".") for part in inside.parts)
    named = blob.path.lower().endswith(SUFFIXES) and is_utf8(blob.path)
    return named and not hidden and blob.mode not in (_LINK, SUBMODULE)
