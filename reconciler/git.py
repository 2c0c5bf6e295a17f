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

from reconciler.errors import ReconcilerError
from reconciler.model import is_commit

# The ref to which `apply --record` writes the applied commit, and which `--base auto` reads.
APPLIED = "refs/reconciler/applied"

_OPTIONS = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.allow=never"),  # a missing object of a partial clone is not fetched
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
    ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")
)
_SHA1_HEX = 40
_MAX_MESSAGE_CHARS = 300


class Blob(Struct, frozen=True):
    """A file of a commit."""

    path: str
    """The path from the top of the repository, with `/`."""
    mode: str
    """Git's mode: `100644` or `100755` of a file, `120000` of a link, `160000` of a submodule."""
    oid: str
    """The name of the object that holds the content, hexadecimal (SHA-1 or SHA-256)."""


class Repository:
    """The repository that a folder is in.

    Every method raises ReconcilerError if git fails; so does the constructor if the folder is not
    in a repository.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.top = Path(self._line("rev-parse", "--show-toplevel"))
        """The top folder of the working tree, an absolute path."""

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

    def record(self, commit: str) -> None:
        """Sets refs/reconciler/applied to a commit."""
        self._run("update-ref", "-m", "reconciler apply", APPLIED, commit)

    def identity(self) -> str:
        """The configured user: `Ada <ada@example.com>`; empty if git has no name and no address."""
        name, mail = self._try("config", "user.name"), self._try("config", "user.email")
        return f"{name or ''} <{mail}>".strip() if mail else name or ""

    def _advice(self) -> str:
        if self._try("rev-parse", "--is-shallow-repository") == "true":
            return (
                ": this is a shallow clone, which has only the last commits: fetch the whole "
                "history (`fetch-depth: 0` of actions/checkout, GIT_DEPTH: 0 of GitLab, "
                "`git fetch --unshallow`)"
            )
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
            raise ReconcilerError("git is not installed: --base and --since need it") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[:_MAX_MESSAGE_CHARS]
            if "not a git repository" in said:
                raise ReconcilerError(
                    f"{self._folder}: is not in a git repository, which --base and --since need"
                )
            raise ReconcilerError(f"git {arguments[0]}: {' '.join(said.split()) or 'failed'}")
        return done.stdout

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self._folder), *_OPTIONS, *arguments]


def oid_of(data: bytes, like: str) -> str:
    """The object name of a file's content, with the hash algorithm of the object name `like`."""
    made = hashlib.sha1 if len(like) == _SHA1_HEX else hashlib.sha256
    return made(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    return kept | _ENVIRONMENT
