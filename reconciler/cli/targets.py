"""--target, --target-file and --exclude -> the selection of records; file names seen from here."""

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.manifests.discovery import Tree
    from reconciler.planning.selection import Selection

# A million addresses are about 45 MB.
MAX_TARGET_BYTES = 64 * 1024 * 1024


def selection(
    tree: "Tree", target: Iterable[str], target_file: Iterable[Path], exclude: Iterable[str]
) -> "Selection":
    """The selection of a run.

    Raises click.UsageError for a pattern that is not UTF-8, ReconcilerError for a file that cannot
    be read or names no target.
    """
    from reconciler.planning.selection import Selection

    files = tuple(target_file)
    listed = (line for file in files for line in _targets_in(file))
    given = [tuple(texts) for texts in (target, exclude, listed)]
    for text in (text for texts in given for text in texts):
        # Python decodes a byte of an argument that is not UTF-8 to U+DC80 to U+DCFF (PEP 383).
        if any("\udc80" <= character <= "\udcff" for character in text):
            raise click.UsageError(
                f"{text!r}: is not UTF-8; addresses and manifest names are UTF-8"
            )
    targets, excluded, from_files = (
        tuple(_pattern(tree, text) for text in texts) for texts in given
    )
    return Selection(targets, excluded, from_files, tuple(map(str, files)))


def _targets_in(file: Path) -> list[str]:
    """The targets in a file, without blank lines and comments.

    Raises ReconcilerError if the file cannot be read or names no target: the run must not be about
    all records then.
    """
    from reconciler.errors import ReconcilerError

    try:
        lines = [line.strip() for line in _content(file).decode().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ReconcilerError(f"--target-file {file}: cannot be read: {why}") from None
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise ReconcilerError(f"--target-file {file}: names no target")
    return found


def _content(file: Path) -> bytes:
    """The bytes of a file, or of stdin. Raises OSError beyond MAX_TARGET_BYTES."""
    from reconciler.files import read_regular

    if str(file) != "-":
        return read_regular(file, MAX_TARGET_BYTES)
    data = sys.stdin.buffer.read(MAX_TARGET_BYTES + 1)
    if len(data) > MAX_TARGET_BYTES:
        # Cut, the run would be about some of the targets only.
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return data


def _pattern(tree: "Tree", text: str) -> str:
    """A target as typed; a file that is there, seen from the working folder, by its name."""
    if text.startswith("/"):
        return tree.name(text)
    here = Path(text).absolute()
    below = tree.root != Path.cwd().resolve()
    return tree.name(here) if below and here.exists() else text
