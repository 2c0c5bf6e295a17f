"""A path -> the bytes of a regular file of limited size; text -> a file, written atomically."""

import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from reconciler.errors import ReconcilerError

# The state that runs keep in a project; a `.gitignore` inside keeps it out of git.
STATE = Path(".reconciler")
JOURNALS = STATE / "journal"
SANDBOX_DB = STATE / "sandbox.db"

# The mode of a file that holds values of records: readable by its owner only.
PRIVATE = 0o600


def read_regular(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """The content of a regular file.

    Raises OSError if the file cannot be read, is not a regular file (a pipe, a device, a folder) or
    is larger than `max_bytes`. Without `follow_links` a symbolic link is an OSError as well.
    """
    # O_NONBLOCK: without it, opening a pipe waits for a writer. O_NOFOLLOW instead of a check
    # before: a file could be replaced by a link between the check and the opening.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags if follow_links else flags | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is not a regular file")
        if status.st_size > max_bytes:
            raise OSError(f"it is larger than {max_bytes:,} bytes")
        # Bytes that are appended meanwhile are not read: the limit was checked without them.
        chunks, left = [], status.st_size
        while left > 0 and (chunk := os.read(handle, left)):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    finally:
        os.close(handle)


def refuse_links(path: Path) -> None:
    """Raises ReconcilerError if a path below the working folder leads through a symbolic link.

    A pull request controls the tree: a link with the name of an output would lead it to any file of
    the machine. Folders above the working folder, and those of a path outside of it, are the
    user's; there only the last part is checked.
    """
    here = Path.cwd()
    inside = not path.is_absolute() or path.is_relative_to(here)
    current = here if inside else path.parent
    parts = path.relative_to(here).parts if path.is_absolute() and inside else path.parts
    for part in parts if inside else (path.name,):
        current = current.parent if part == ".." else current / part
        try:
            link = current.is_symlink()
        except OSError as error:  # a name that is too long
            raise ReconcilerError(f"{path}: {error.strerror}") from None
        if link:
            raise ReconcilerError(
                f"{path}: {current.name} is a symbolic link: nothing is written through links"
            )


def check_writable(path: Path) -> None:
    """Checks a path before the work whose result is written there.

    Raises ReconcilerError if the path is `-`, leads through a symbolic link, is not a regular file,
    or if its folder does not exist or cannot be written.
    """
    if str(path) == "-":
        raise ReconcilerError("-: is not a file; the output of --format goes to stdout")
    refuse_links(path)
    folder = path.parent
    try:
        if not folder.is_dir():
            raise ReconcilerError(f"{path}: the folder {folder} does not exist: create it first")
        if path.exists() and not path.is_file():
            raise ReconcilerError(f"{path}: is not a regular file: choose another path")
    except OSError as error:
        raise ReconcilerError(f"{path}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise ReconcilerError(f"{path}: the folder {folder} cannot be written")


def rewrite(path: Path, text: str) -> None:
    """Replaces the text of an existing file and keeps its mode; raises as `write_whole` does."""
    write_whole(path, [text], mode=path.stat().st_mode & 0o777)


def ignore_in_git(folder: Path) -> None:
    """Writes a `.gitignore` that keeps a folder out of git, unless there is one. Raises OSError."""
    # "x" (O_EXCL): a link of this name, even a broken one, is not followed.
    with suppress(FileExistsError), (folder / ".gitignore").open("x") as stream:
        stream.write("*\n")


def write_whole(path: Path, pieces: Iterable[str], *, mode: int) -> None:
    """Writes a file atomically: a reader, also after a crash, sees the old or the new content.

    The text is written to a temporary file in the same folder, which then replaces the target; the
    file and its folder are synced. Raises ReconcilerError if that fails.
    """
    check_writable(path)
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".reconciler-")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(handle)
        temporary.chmod(mode)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the name of a new file durable: fsync(2) of the file does not cover its folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append(path: Path, pieces: Iterable[str]) -> None:
    """Appends text to a file that other programs write too, such as GITHUB_STEP_SUMMARY.

    The text starts on a new line. If a write fails, the file is cut back to its old size. Raises
    ReconcilerError then.
    """
    text = "".join(pieces)
    refuse_links(path)
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(handle, "r+b", buffering=0) as stream:
            size = os.fstat(handle).st_size
            glued = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            data = (b"\n" if glued else b"") + text.encode()
            try:
                while data:
                    data = data[stream.write(data) :]
            except OSError:
                os.ftruncate(handle, size)
                raise
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be written: {error.strerror}") from None
