"""A path -> the bytes of a regular file, within bounds."""

import os
import stat
from pathlib import Path


def read_regular(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """The whole of a regular file; OSError for anything else, a pipe or a device among them.

    Without `follow_links` a symbolic link is refused as well, even one that was made a moment ago.
    """
    # O_NONBLOCK: opening a pipe would wait for its other end.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags if follow_links else flags | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no regular file")
        if status.st_size > max_bytes:
            raise OSError(f"it is larger than {max_bytes:,} bytes")
        # A file that grows meanwhile is read as far as it was.
        chunks, left = [], status.st_size
        while left > 0 and (chunk := os.read(handle, left)):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    finally:
        os.close(handle)
