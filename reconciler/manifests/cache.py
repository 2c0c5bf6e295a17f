"""Manifests that were read before -> their records, at the speed of the disk.

An entry is named by the hash of what it was made of: the text, whether it is JSON, and the versions
of the tool, of the code that reads and of the YAML library. So nothing is ever out of date, runs at
the same time write the same thing, and what cannot be written or does not read back is as if it
were not there.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import MsgspecError, Struct, msgpack

from reconciler import __version__
from reconciler.manifests.yaml_events import LIBRARY
from reconciler.model import Address, Record, Source

# Under it, reading the entry costs as much as reading the manifest.
MIN_CHARS = 16 * 1024
MAX_BYTES = 512 * 1024 * 1024
_ROWS_A_CHUNK = 10_000
# Raised with every change to what reading a manifest makes of a text. A test holds it against the
# sources of all modules that take part: a forgotten one would serve stale records, which are sent.
READER_VERSION = 1
_DIGEST_BYTES = 16


class _Row(Struct, frozen=True, array_like=True, gc=False):
    """A record without the name of its file, which is no part of its content."""

    address: Address
    wanted: str | None
    structured: bool
    line: int
    column: int


_ENCODER = msgpack.Encoder()
_DECODER = msgpack.Decoder(list[_Row])


class Cache:
    """The records of manifests that had no problems."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str, file: str) -> Iterator[Record] | None:
        """The records of a text that was kept, as those of `file`; None where it was not."""
        path = self._folder / key
        try:
            rows = _decoded(path.read_bytes())
        except (OSError, ValueError, MsgspecError):
            return None
        with suppress(OSError):
            os.utime(path)  # the oldest go first
        return (
            Record(row.address, row.wanted, row.structured, Source(file, row.line, row.column))
            for row in rows
        )

    def put(self, key: str, records: Iterable[Record]) -> None:
        """Keeps the records of a text."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.writelines(_encoded(records))
                Path(name).replace(self._folder / key)
            finally:
                Path(name).unlink(missing_ok=True)
            self._trim()

    def _trim(self) -> None:
        entries = [(entry.stat(), entry) for entry in self._folder.iterdir()]
        entries.sort(key=lambda entry: entry[0].st_mtime, reverse=True)
        size = 0
        for status, entry in entries:
            size += status.st_size
            if size > MAX_BYTES:
                entry.unlink(missing_ok=True)


def key_of(text: str, file: str) -> str:
    """The name of the entry for a manifest's text."""
    suffix = Path(file).suffix
    digest = hashlib.sha256(f"{__version__} {READER_VERSION} {LIBRARY} {suffix} ".encode())
    digest.update(text.encode())
    return digest.hexdigest()


def open_cache(environment: Mapping[str, str]) -> Cache | None:
    """The cache in the user's cache folder; none where others could write there, or none is wanted.

    What is in it is sent: a folder that somebody else can fill is no place for it.
    """
    if environment.get("RECONCILER_NO_CACHE"):
        return None
    home = environment.get("HOME") or "."
    folder = Path(environment.get("XDG_CACHE_HOME") or f"{home}/.cache") / "reconciler"
    if not folder.is_absolute():
        return None
    with suppress(OSError):
        status = folder.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            return None
    return Cache(folder)


def _encoded(records: Iterable[Record]) -> Iterator[bytes]:
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
    for start in range(0, len(rows), _ROWS_A_CHUNK):
        chunk = _ENCODER.encode(rows[start : start + _ROWS_A_CHUNK])
        yield len(chunk).to_bytes(4, "big") + _digest(chunk) + chunk
    yield bytes(4)


def _decoded(data: bytes) -> list[_Row]:
    """The rows of an entry; ValueError or MsgspecError for one that is not whole."""
    rows: list[_Row] = []
    view, start = memoryview(data), 0
    while size := int.from_bytes(view[start : start + 4], "big"):
        body = start + 4 + _DIGEST_BYTES
        chunk = view[body : body + size]
        if _digest(chunk) != view[start + 4 : body]:
            raise ValueError("not what was written")
        rows += _DECODER.decode(chunk)
        start = body + size
    if view[start:] != bytes(4):
        raise ValueError("not the whole of it")
    return rows


def _digest(chunk: bytes | memoryview) -> bytes:
    return hashlib.blake2b(chunk, digest_size=_DIGEST_BYTES).digest()
