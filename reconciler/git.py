"""A git repository -> the files of a revision (the only door to git, through its command).

Objects alone are read, never the working tree, and nothing of the repository is run: no hook, no
filter, no pager, no file monitor, and nothing is fetched.
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

# Where `apply --record` notes the commit that it applied, and `--base auto` looks for it.
APPLIED = "refs/reconciler/applied"

_OPTIONS = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.allow=never"),  # an object that is missing is not fetched from anywhere
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
# A caller's own (a hook's, say) would lead to another repository than the manifests' own.
_LOCAL = frozenset(
    ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")
)
_SHA1_HEX = 40
_MAX_MESSAGE_CHARS = 300


class Blob(Struct, frozen=True):
    """A file of a revision: its path from the top of the repository, its mode, its object."""

    path: str
    mode: str
    oid: str


class Repository:
    """The repository that a folder is in; ReconcilerError where there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.top = Path(self._line("rev-parse", "--show-toplevel"))

    def commit(self, name: str) -> str:
        """The commit that a name stands for; ReconcilerError with the cure where there is none."""
        found = self.known(name)
        if found is None:
            raise ReconcilerError(f"{name}: there is no such revision here{self._advice()}")
        return found

    def known(self, name: str) -> str | None:
        """The commit that a name stands for, None where there is none."""
        found = self._try("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        return found if found is not None and is_commit(found) else None  # ^HEAD is none

    def merge_base(self, one: str, other: str) -> str | None:
        """The last commit that two commits have in common."""
        return self._try("merge-base", one, other)

    def files(self, commit: str, folders: Sequence[str]) -> Iterator[Blob]:
        """The files of a commit under paths from the top; symbolic links and submodules as well."""
        named = [folder for folder in folders if folder != "."]
        listed = self._run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *named)
        for row in listed.split(b"\0"):
            facts, tab, path = row.partition(b"\t")
            if tab:
                mode, _, oid = facts.decode().split(" ")
                yield Blob(os.fsdecode(path), mode, oid)

    def read(self, blobs: Iterable[Blob]) -> Iterator[tuple[Blob, bytes]]:
        """The contents of files, one after the other."""
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
                answer.read(1)  # the newline behind it
                yield blob, data

    def holds(self, commit: str, earlier: str) -> bool:
        """Whether a commit comes after an earlier one, or is it."""
        return self._try("merge-base", "--is-ancestor", earlier, commit) is not None

    def record(self, commit: str) -> None:
        """Notes a commit as the last one that was applied."""
        self._run("update-ref", "-m", "reconciler apply", APPLIED, commit)

    def identity(self) -> str:
        """Who git says is at work here: `Ada <ada@example.com>`."""
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
                    f"{self._folder}: is in no git repository, which --base and --since look into"
                )
            raise ReconcilerError(f"git {arguments[0]}: {' '.join(said.split()) or 'failed'}")
        return done.stdout

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self._folder), *_OPTIONS, *arguments]


def oid_of(data: bytes, like: str) -> str:
    """The name that git gives a file's content, by the hash that another name was made with."""
    made = hashlib.sha1 if len(like) == _SHA1_HEX else hashlib.sha256
    return made(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    return kept | _ENVIRONMENT
