"""A git repository -> the files of a revision; the only module that runs the `git` command.

It reads objects and never the working tree. It runs no program that the repository configures (no
hook, filter, pager or file monitor) and fetches nothing.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from msgspec import Struct

from reconciler.errors import NoRepositoryError, ReconcilerError
from reconciler.model import is_commit

# Below this ref `apply` records the commit that it applied, one ref for each account.
APPLIED = "refs/reconciler/applied"

_OPTIONS = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.allow=never"),  # a missing object of a partial clone is not fetched
    # git takes any folder with HEAD, objects and refs for a repository, and such files can be in a
    # commit: a pull request could bring a repository of its own (embedded bare repositories).
    *("-c", "safe.bareRepository=explicit"),
    "--no-pager",
    "--no-replace-objects",
    "--literal-pathspecs",
)
_ENVIRONMENT = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# Git sets these for hooks, for example: inherited, they would select another repository than the
# one that holds the manifests.
_LOCAL = frozenset(
    (
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"),
        *("GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
    )
)
_SHA1_HEX = 40
# Continues a sentence about a commit that is not here.
FETCH = (
    ": fetch the whole history (`fetch-depth: 0` of actions/checkout, GIT_DEPTH: 0 of GitLab, "
    "`git fetch --unshallow`)"
)
_MAX_MESSAGE_CHARS = 300

# The mode of a submodule in a tree.
SUBMODULE = "160000"


class Blob(Struct, frozen=True):
    """A file of a commit."""

    path: str
    """The path from the top of the repository, with `/`."""
    mode: str
    """Git's mode: `100644` or `100755` of a file, `120000` of a link, `160000` of a submodule."""
    oid: str
    """The name of the object that holds the content, hexadecimal (SHA-1 or SHA-256)."""


class Repository:
    """The repository of a project, found by the `.git` in the project's root or above it.

    It is found once, and nothing below the root is ever asked: a pull request controls the files
    there. Every method raises ReconcilerError if git fails; so does the constructor if the root
    is not in a repository.
    """

    def __init__(self, root: Path) -> None:
        top = top_of(root)
        if top is None:
            raise NoRepositoryError(
                f"{root}: is not in a git repository, which --base and --since need"
            )
        self.top = top
        """The top folder of the working tree, an absolute path without symbolic links."""
        # git itself refuses a repository that another user of the machine owns; with --git-dir it
        # would not (safe.directory), so git is asked for the folder first.
        self._found: tuple[str, ...] = ("-C", str(top))
        folder = self._line("rev-parse", "--absolute-git-dir")
        self._found = ("--git-dir", folder, "--work-tree", str(top), "-C", str(top))

    def commit(self, name: str) -> str:
        """The full name of the commit that a branch, tag or other revision names.

        Raises ReconcilerError, with the command that fetches it, if the revision is unknown.
        """
        found = self.known(name)
        if found is None:
            raise ReconcilerError(f"{name}: there is no such revision here{self._advice()}")
        return found

    def known(self, name: str) -> str | None:
        """The full name of the commit that a revision names; None if the revision is unknown."""
        found = self._try("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        return (
            found if found is not None and is_commit(found) else None
        )  # for `^HEAD` git prints `^1a2b...`

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits (`git merge-base`); otherwise None."""
        return self._try("merge-base", one, other)

    def ref(self, name: str) -> str | None:
        """The object that a full ref name points to, also if it is not here; None without it."""
        return self._try("rev-parse", "--verify", "--end-of-options", name)

    def refs(self, prefix: str) -> list[str]:
        """The names of all refs below `prefix`."""
        return self._line("for-each-ref", "--format=%(refname)", prefix).split()

    def left_out(self, paths: Sequence[str]) -> Iterator[Blob]:
        """The files that the index holds and that git keeps out of the working tree.

        A sparse checkout, `--skip-worktree` and `--assume-unchanged` do that: such a file is not
        deleted, although it is not there. Paths are as in `files`. Raises ReconcilerError for a
        missing file that a merge has left in conflict.
        """
        named = [path for path in paths if path != "."]
        for row in self._run("ls-files", "-z", "-v", "--stage", "--", *named).split(b"\0"):
            facts, tab, path = row.partition(b"\t")
            if not tab or os.path.lexists(self.top / os.fsdecode(path)):
                continue
            if facts[:1] == b"M":
                raise ReconcilerError(
                    f"{os.fsdecode(path)}: is in a merge that is not finished, and not there: "
                    "resolve it (git checkout --ours, --theirs or git rm)"
                )
            # The tag is lower-case for --assume-unchanged, and S for --skip-worktree.
            if facts[:1] == b"S" or facts[:1].islower():
                _, mode, oid, _ = facts.decode().split(" ")
                yield Blob(os.fsdecode(path), mode, oid)

    def ignored(self, paths: Sequence[str]) -> Iterator[str]:
        """The files that a `.gitignore` hides from git and that no commit holds."""
        named = [path for path in paths if path != "."]
        listed = self._run(
            "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *named
        )
        yield from (os.fsdecode(path) for path in listed.split(b"\0") if path)

    def inside(self, path: Path) -> str | None:
        """The path of a file or folder from the top, `.` for the top itself; None if outside."""
        name = os.path.relpath(os.path.realpath(path), self.top)
        return None if name == ".." or name.startswith("../") else name

    def tracks(self, path: Path) -> bool:
        """Whether the index holds a file, or a file in a folder, at a path."""
        name = self.inside(path)
        return name is not None and bool(self._run("ls-files", "-z", "--", name))

    def files(self, commit: str, folders: Sequence[str]) -> Iterator[Blob]:
        """The files of a commit below the given paths, in order of path.

        Paths are relative to the top of the repository; `.` stands for all files. Symbolic links
        and submodules are included.
        """
        named = [folder for folder in folders if folder != "."]
        listed = self._run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *named)
        for row in listed.split(b"\0"):
            facts, tab, path = row.partition(b"\t")
            if tab:
                mode, _, oid = facts.decode().split(" ")
                yield Blob(os.fsdecode(path), mode, oid)

    def read(self, blobs: Iterable[Blob]) -> Iterator[tuple[Blob, bytes]]:
        """Each file with its content, in the given order, through one `git cat-file` process.

        Raises ReconcilerError if the repository lacks the content, as in a partial clone.
        """
        with subprocess.Popen(  # noqa: S603  our own options; names go in by stdin
            self._command("cat-file", "--batch"),
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # git's own words for a missing object; ours follow
        ) as process:
            ask, answer = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            for blob in blobs:
                ask.write(f"{blob.oid}\n".encode())
                ask.flush()
                facts = answer.readline().split()
                if len(facts) != len(("oid", "type", "size")):
                    raise ReconcilerError(
                        f"{blob.path}: its content at that revision is not here{self._advice()}"
                    )
                data = answer.read(int(facts[2]))
                answer.read(1)  # the newline after the content
                yield blob, data

    def holds(self, commit: str, earlier: str) -> bool:
        """Whether `earlier` is an ancestor of the commit, or the commit itself."""
        return self._try("merge-base", "--is-ancestor", earlier, commit) is not None

    def record(self, ref: str, commit: str, before: str | None) -> None:
        """Sets a ref to a commit.

        Raises ReconcilerError if the ref does not hold `before` any longer (None: no object).
        """
        # An earlier version wrote this ref, without an account. git cannot hold a ref and others
        # below it at once.
        if ref.startswith(f"{APPLIED}/") and self.ref(APPLIED) is not None:
            self._run("update-ref", "-d", APPLIED)
        # --no-deref: a symbolic ref would lead to a branch, which would be moved.
        old = before or "0" * len(commit)
        self._run("update-ref", "--no-deref", "-m", "reconciler apply", ref, commit, old)

    def identity(self) -> str:
        """The configured user: `Ada <ada@example.com>`; empty if git has no name and no address."""
        name, mail = self._try("config", "user.name"), self._try("config", "user.email")
        return f"{name or ''} <{mail}>".strip() if mail else name or ""

    @property
    def is_shallow(self) -> bool:
        """Whether older commits are missing, so that no ancestor proves anything by its absence."""
        return self._try("rev-parse", "--is-shallow-repository") == "true"

    def _advice(self) -> str:
        if self._try("config", "--get-regexp", r"^remote\..*\.promisor$"):
            return (
                ": this is a partial clone, which lacks older files: fetch them "
                "(`git fetch --refetch --no-filter origin`)"
            )
        if self.is_shallow:
            return f": this is a shallow clone, which has only the last commits{FETCH}"
        return ": was it fetched (`git fetch origin`)?"

    def _try(self, *arguments: str) -> str | None:
        try:
            return self._line(*arguments)
        except ReconcilerError:
            return None

    def _line(self, *arguments: str) -> str:
        return os.fsdecode(self._run(*arguments)).strip("\n")

    def _run(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  our own options; names come behind `--`
                self._command(*arguments),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise NoRepositoryError("git is not installed: --base and --since need it") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[:_MAX_MESSAGE_CHARS]
            # git's message for an object that a partial clone lacks spans several lines.
            if "lazy fetching disabled" in said or "promisor" in said:
                raise ReconcilerError(f"git {arguments[0]}: an object is not here{self._advice()}")
            raise ReconcilerError(f"git {arguments[0]}: {' '.join(said.split()) or 'failed'}")
        return done.stdout

    def _command(self, *arguments: str) -> list[str]:
        return ["git", *self._found, *_OPTIONS, *arguments]


def top_of(folder: Path) -> Path | None:
    """The folder that holds `.git`: the given one or the nearest above it; None without one.

    A commit cannot hold a file named `.git`, so no pull request can lead this search astray.
    """
    real = folder.resolve()
    return next((one for one in (real, *real.parents) if os.path.lexists(one / ".git")), None)


def path_from_top(folder: Path) -> str:
    """The path of a folder from the top of its repository, as in `svc`; empty at the top.

    Empty outside of a repository as well. Machines that read a report know files by their path from
    there (GITHUB_WORKSPACE, the source root of SARIF).
    """
    top = top_of(folder)
    path = "." if top is None else folder.resolve().relative_to(top).as_posix()
    return "" if path == "." else path


def oid_of(data: bytes, like: str) -> str:
    """The object name of a file's content, with the hash algorithm of the object name `like`."""
    made = hashlib.sha1 if len(like) == _SHA1_HEX else hashlib.sha256
    return made(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    return kept | _ENVIRONMENT
