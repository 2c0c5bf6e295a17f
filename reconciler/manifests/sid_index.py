"""Manifest files -> the SIDs in them; a file in the usual layout is not parsed."""

import re
from collections.abc import Sequence

from reconciler.manifests.cache import Cache
from reconciler.manifests.discovery import Tree
from reconciler.manifests.loader import read_records
from reconciler.manifests.validation import is_error
from reconciler.model import Problem, Record

_SID = rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

# A record in the usual layout: its SID is a key, two spaces deep. The file is parsed instead if a
# SID occurs anywhere else, or if escapes or explicit keys (`? `) could hide one.
_RECORD = re.compile(rb"^  [\"']?(" + _SID + rb")[\"']?:", re.MULTILINE)
_INSIDE_A_SID = re.compile(rb"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-")
_EXPLICIT_KEY = re.compile(rb"^[ \t]*\?", re.MULTILINE)


def sids_in(tree: Tree, name: str, cache: Cache | None) -> tuple[set[str] | None, int]:
    """The SIDs of a file, in lower case, and the number of its records.

    The SIDs are None if the file cannot be read or has an error.
    """
    try:
        data = tree.data(name)
    except OSError:
        return None, 0
    found = _RECORD.findall(data)
    others = len(_INSIDE_A_SID.findall(data)) != len(found)
    if not (others or b"\\" in data or (b"?" in data and _EXPLICIT_KEY.search(data))):
        return {sid.decode().lower() for sid in found}, len(found)
    items = list(read_records(tree, name, cache))
    sids = {item.address.sid for item in items if isinstance(item, Record)}
    broken = is_error(item for item in items if isinstance(item, Problem))
    return (None if broken else sids), len(sids)


def count_records(tree: Tree, names: Sequence[str], cache: Cache | None) -> int | None:
    """The number of records in all manifests; None if a file or folder cannot be read."""
    count = 0
    for name in tree.find(names):
        sids, records = (None, 0) if isinstance(name, Problem) else sids_in(tree, name, cache)
        if sids is None:
            return None
        count += records
    return count


def found_in(tree: Tree, names: Sequence[str], sids: set[str], cache: Cache | None) -> set[str]:
    """Those of the SIDs that a manifest may still hold: their records moved to another file.

    Returns all `sids` if a file cannot be read or has an error: any of them may be in it.
    """
    found: set[str] = set()
    for name in tree.find(names):
        there = None if isinstance(name, Problem) else sids_in(tree, name, cache)[0]
        if there is None:
            return sids
        found |= sids & there
    return found
