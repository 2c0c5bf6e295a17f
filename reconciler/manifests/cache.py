"""The text of a manifest -> its records as an earlier run parsed them, at the speed of the disk.

The name of an entry is the hash of everything that its content depends on: the text, the file's
suffix (YAML or JSON), and the versions of the tool, of the reader and of the YAML library. So no
entry is ever out of date, and runs at the same time write the same content. An entry that cannot be
written or read back is treated as missing.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from msgspec import MsgspecError, Struct, msgpack

from reconciler import __version__
from reconciler.manifests.yaml_events import LIBRARY
from reconciler.model import Address, Record, Source

# For a smaller manifest, reading the entry costs as much as parsing the manifest.
MIN_CHARS = 16 * 1024
# The size of all entries together; the oldest are deleted first.
MAX_BYTES = 512 * 1024 * 1024
_ROWS_PER_CHUNK = 10_000
# Increase it with every change to the records that are read from a text. If that is forgotten, the
# cache returns stale records, and these are sent to the API: a test fails for every edit of the
# reader's code until the decision is made.
READER_VERSION = 1
_DIGEST_BYTES = 16


class _Row(Struct, frozen=True, array_like=True, gc=False):
    """A record without the name of its file: the same text may be stored under another name."""

    address: Address
    """The kind and SID."""
    wanted: str | None
    """The text to send; None to clear the field."""
    structured: bool
    """Whether the manifest holds a mapping or a list."""
    line: int
    """The line of the SID, from 1."""
    column: int
    """The column of the SID, from 1."""


_ENCODER = msgpack.Encoder()
_DECODER = msgpack.Decoder(list[_Row])


class Cache:
    """A folder with the records of manifests that had no problems, one file for each text.

    Without a folder, the user's: `user_folder`. If that cannot be used, the cache stays empty.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder

    @cached_property
    def _folder(self) -> Path | None:
        """Looked up at the first use: most projects have only manifests that are not cached."""
        return self._given or user_folder()

    def get(self, key: str, file: str) -> Iterator[Record] | None:
        """The records of a text, with `file` as their source; None if missing or damaged."""
        if self._folder is None:
            return None
        path = self._folder / key
        try:
            rows = _decoded(path.read_bytes())
        except (OSError, ValueError, MsgspecError):
            return None
        with suppress(OSError):
            os.utime(path)  # the time of its last use: `_trim` deletes the oldest first
        return (
            Record(row.address, row.wanted, row.structured, Source(file, row.line, row.column))
            for row in rows
        )

    def put(self, key: str, records: Iterable[Record]) -> None:
        """Stores the records of a text; stores nothing if the folder cannot be written."""
        if self._folder is None:
            return
        with suppress(OSError):
            # 0700 and mkstemp (0600): the entries hold the records' values.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.writelines(_encoded(records))
                Path(name).replace(self._folder / key)
            finally:
                Path(name).unlink(missing_ok=True)
            _trim(self._folder)


def _trim(folder: Path) -> None:
    """Deletes the oldest entries beyond MAX_BYTES."""
    entries = [(entry.stat(), entry) for entry in folder.iterdir()]
    entries.sort(key=lambda entry: entry[0].st_mtime, reverse=True)
    size = 0
    for status, entry in entries:
        size += status.st_size
        if size > MAX_BYTES:
            entry.unlink(missing_ok=True)


def key_of(text: str, file: str) -> str:
    """The name of the entry for a manifest's text: a SHA-256 in hexadecimal."""
    suffix = Path(file).suffix
    digest = hashlib.sha256(f"{__version__} {READER_VERSION} {LIBRARY} {suffix} ".encode())
    digest.update(text.encode())
    return digest.hexdigest()


def layout_key_of(text: str, file: str, formatter_version: int) -> str:
    """The name of the entry that a text has no problem and is in the canonical layout.

    The entry itself holds no records.
    """
    return f"{key_of(text, file)}-{formatter_version}"


def user_folder() -> Path | None:
    """This user's folder for caches: `~/.cache/reconciler`, or as XDG_CACHE_HOME says.

    None if another user owns the folder or can write to it: the records in it are sent to the API.
    """
    from platformdirs import user_cache_path

    folder = user_cache_path("reconciler", appauthor=False)
    with suppress(OSError):
        status = folder.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            return None
    return folder


def _encoded(records: Iterable[Record]) -> Iterator[bytes]:
    """An entry's chunks: size (4 bytes, big-endian), checksum, MessagePack; size 0 ends them."""
    rows = [
        _Row(
            record.address,
            record.wanted,
            record.structured,
            record.source.line,
            record.source.column,
        )
        for record in records
    ]
    for start in range(0, len(rows), _ROWS_PER_CHUNK):
        chunk = _ENCODER.encode(rows[start : start + _ROWS_PER_CHUNK])
        yield len(chunk).to_bytes(4, "big") + _digest(chunk) + chunk
    yield bytes(4)


def _decoded(data: bytes) -> list[_Row]:
    """The rows of an entry. Raises ValueError or MsgspecError if it is damaged or cut off."""
    rows: list[_Row] = []
    view, start = memoryview(data), 0
    while size := int.from_bytes(view[start : start + 4], "big"):
        body = start + 4 + _DIGEST_BYTES
        chunk = view[body : body + size]
        if _digest(chunk) != view[start + 4 : body]:
            raise ValueError("the checksum is wrong")
        rows += _DECODER.decode(chunk)
        start = body + size
    if view[start:] != bytes(4):
        raise ValueError("the end is missing")
    return rows


def _digest(chunk: bytes | memoryview) -> bytes:
    return hashlib.blake2b(chunk, digest_size=_DIGEST_BYTES).digest()
