"""A plan <-> its versioned JSON document (schemas/plan.schema.json).

The members have the names of Terraform's plan JSON, so that its tools can read them. The document
is written as a stream, one change per line. Its checksum is over the bytes as they are, so that a
truncated or modified document is refused before any request is made. Nothing is rendered again to
be compared: a plan can be read by every Python and every version that reads its `format_version`.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from reconciler.errors import PlanFileError
from reconciler.escape.text import in_json
from reconciler.files import read_regular
from reconciler.kinds import KINDS, is_sid
from reconciler.model import GuardResult, Meta, Plan, Revisions, Scope, is_commit
from reconciler.planning import plan_rows
from reconciler.planning.digest import digest
from reconciler.planning.guards.registry import recheck
from reconciler.planning.summary import Summary, summarize
from reconciler.values.json_text import decode, encode, repeats_a_key

FORMAT_VERSION = "1.0"

# A plan of a million changes has about 0.6 GB; reconciler does not write larger files.
MAX_PLAN_BYTES = 1024 * 1024 * 1024


class _Version(Struct):
    """The document without all other members, to check the version before anything else."""

    format_version: str
    """`major.minor`; another major version cannot be read."""


class _Target(Struct, omit_defaults=True):
    """The member `target`."""

    base_url: str
    """The API that the plan was made for."""
    environment: str | None = None
    """The environment that the plan was made for (--env); None without one."""


def write(plan: Plan, *, redacted: bool = False) -> Iterator[str]:
    """The document in pieces. The same plan gives the same bytes, except for the member `meta`.

    `redacted` masks sensitive values; a document with a masked value cannot be applied. The last
    member is a checksum of all other members but `meta`, so that an edit of them is detected.
    """
    sha = hashlib.sha256()
    for piece in _pieces(plan, redacted=redacted):
        # `meta` holds the time: with it, the same plan would get another checksum in each run.
        if not piece.startswith(_META):
            sha.update(piece.encode())
        yield piece
    yield f',\n"checksum":"sha256:{sha.hexdigest()}"\n}}\n'


def _pieces(plan: Plan, *, redacted: bool) -> Iterator[str]:
    hides = redacted and plan.sensitive
    key = plan.meta.fingerprint_key.encode() if hides else None
    head = {
        "format_version": FORMAT_VERSION,
        "digest": plan.digest,
        "complete": plan.complete,
        "applyable": plan.applyable,
        "target": _Target(plan.base_url, plan.environment),
        "source": plan.revisions,
        "scope": plan.scope,
        "summary": summarize(plan),
    }
    members = "".join(f"{_json(name)}:{_json(value)},\n" for name, value in head.items())
    yield f'{{\n{members}"resource_changes":'
    yield from _array(plan_rows.change_row(change, key) for change in plan.changes)
    yield ',\n"unreadable":'
    yield from _array(map(plan_rows.unreadable_row, plan.unreadable))
    yield ',\n"conflicts":'
    yield from _array(plan_rows.conflict_row(conflict, key) for conflict in plan.conflicts)
    yield ',\n"released":'
    yield from _array(map(plan_rows.released_row, plan.released))
    yield f',\n"guards":{_json(plan.guards)}'
    # With the key, the values behind the fingerprints could be guessed.
    meta = msgspec.structs.replace(plan.meta, fingerprint_key="") if hides else plan.meta
    yield f"{_META}{_json(meta)}"
    if hides:
        yield _REDACTED


def read_plan(path: Path) -> Plan:
    """The plan in a file. Raises PlanFileError if the file is not as `plan --out` wrote it."""
    try:
        data = read_regular(path, MAX_PLAN_BYTES)
    except OSError as error:
        raise PlanFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    return read(data, str(path))


def read(data: bytes, name: str) -> Plan:
    """The plan in a document; `name` is the file's name in errors.

    Raises PlanFileError if the document was modified, is not complete, or is of another major
    version of the format.
    """
    try:
        # First: another major version may have any shape, and the error must name the version.
        version = decode(data, _VERSION).format_version
        if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise PlanFileError(
                f"{name}: has plan format {version}; this version reads {FORMAT_VERSION}: "
                "run plan again, or use the version that wrote the file"
            )
        if not _is_whole(data):
            raise PlanFileError(f"{name}: {_EDITED}")
        members = dict(_members(data))
    # RecursionError: deep nesting, even in a member that is skipped (tests/planning).
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PlanFileError(f"{name}: is not a complete plan ({error}): run plan again") from None
    except UnicodeDecodeError:
        raise PlanFileError(f"{name}: is not UTF-8") from None
    except plan_rows.ContradictionError:
        raise PlanFileError(f"{name}: {_EDITED}") from None
    if members.get("redacted"):
        raise PlanFileError(
            f"{name}: lacks the sensitive values, as all plans for reading do: use the file that "
            "`plan --out` wrote"
        )
    if not members.keys() >= (_VALUES.keys() | _ROWS.keys()) - {"redacted"}:
        raise PlanFileError(f"{name}: {_EDITED}")
    plan = Plan(
        base_url=members["target"].base_url,
        digest=members["digest"],
        changes=members["resource_changes"],
        in_sync=members["summary"].in_sync,
        unreadable=members["unreadable"],
        conflicts=members["conflicts"],
        released=members["released"],
        left_alone=members["summary"].left_alone,
        revisions=members["source"],
        scope=members["scope"],
        guards=members["guards"],
        meta=members["meta"],
        environment=members["target"].environment,
    )
    if not (_is_consistent(plan) and _says_the_same(plan, members)):
        raise PlanFileError(f"{name}: {_EDITED}")
    return plan


def _is_whole(data: bytes) -> bool:
    """Whether the checksum is that of the other bytes of the document, the line `meta` apart."""
    # A line break inside a JSON string is always escaped, so no value holds these.
    end = data.rfind(b',\n"checksum":')
    start = data.rfind(_META.encode(), 0, max(end, 0))
    if start < 0:
        return False
    behind = data.rfind(_REDACTED.encode(), start, end)
    rest = behind if behind >= 0 else end
    sha = hashlib.sha256(memoryview(data)[:start])
    sha.update(data[rest:end])
    one_line = data.find(b"\n", start + len(",\n"), rest) < 0
    return one_line and data[end:] == f',\n"checksum":"sha256:{sha.hexdigest()}"\n}}\n'.encode()


def _members(data: bytes) -> Iterator[tuple[str, Any]]:
    """The members of a document by name, rows converted to the types of `model`.

    The document is read line by line and no row is kept, so that memory holds the plan and not its
    JSON as well.
    """
    lines = io.BytesIO(data)
    seen: set[bytes] = set()
    first = lines.readline()
    while (line := lines.readline()) not in (b"}\n", b""):
        quoted_name, _, value = line.partition(b":")
        # Read by lines, a member that stands elsewhere, or a second one, would be seen by others
        # and not by an apply.
        if first != b"{\n" or not _NAME.fullmatch(quoted_name) or quoted_name in seen:
            raise plan_rows.ContradictionError
        seen.add(quoted_name)
        name = quoted_name.strip(b'"').decode()
        if name in _ROWS:
            yield name, tuple(_rows(lines, name)) if value == b"[\n" else ()
        else:
            # A later minor version may have members that this one does not know, a line each.
            decoder = _VALUES.get(name, _ANY)
            text = value.removesuffix(b"\n").removesuffix(b",")
            yield name, decoder.decode(text)
            _refuse_twice(text)


def _rows(lines: io.BytesIO, name: str) -> Iterator[Any]:
    decoder, convert = _ROWS[name]
    while (line := lines.readline()) not in (b"],\n", b""):
        row = line.removesuffix(b"\n").removesuffix(b",")
        yield convert(decode(row, decoder, derived="diff"))
        _refuse_twice(row)


def _refuse_twice(data: bytes) -> None:
    """Raises ContradictionError if an object holds a key twice: other tools may read the other."""
    if repeats_a_key(data):
        raise plan_rows.ContradictionError


def _is_consistent(plan: Plan) -> bool:
    """Whether the parts of a plan agree, and none of them could harm who reads it."""
    addresses = [change.address for change in plan.changes]
    named = [
        *addresses,
        *(record.address for record in plan.unreadable),
        *(conflict.address for conflict in plan.conflicts),
        *(record.address for record in plan.released),
    ]
    return (
        digest(plan.base_url, plan.changes) == plan.digest
        # Commits become arguments of git, where `-d` is an option (tests/promises).
        and all(name is None or is_commit(name) for name in _commits(plan))
        and addresses == sorted(set(addresses))
        # A plan file is untrusted input: its SIDs become URL paths.
        and all(item.kind in KINDS and is_sid(item.sid) for item in named)
        # The digest does not cover guards: a result that the changes contradict is refused, even
        # with a new checksum.
        and recheck(plan) == plan.guards
    )


def _says_the_same(plan: Plan, members: Mapping[str, Any]) -> bool:
    """Whether the counts are those of the plan: a policy may have been checked against them."""
    stated = (members["complete"], members["applyable"], members["summary"])
    return stated == (plan.complete, plan.applyable, summarize(plan))


def _commits(plan: Plan) -> tuple[str | None, ...]:
    return plan.revisions.base, plan.revisions.head, plan.scope.since


_META = ',\n"meta":'
_REDACTED = ',\n"redacted":true'
_EDITED = (
    "was modified, or written by a different version: its content does not match its digest and "
    "checksum; run plan again"
)


def _array(items: Iterable[Struct]) -> Iterator[str]:
    separator = "[\n"
    for item in items:
        yield f"{separator}{_json(item)}"
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"


def _json(value: object) -> str:
    return in_json(encode(value))


_NAME = re.compile(rb'"[a-z_]+"')
_ANY: Decoder[Any] = Decoder()
_VERSION = Decoder(_Version)

# The members of the document: those with one value, and those with one row per line.
_VALUES: Mapping[str, Decoder[Any]] = MappingProxyType(
    {
        "format_version": Decoder(str),
        "digest": Decoder(str),
        "complete": Decoder(bool),
        "applyable": Decoder(bool),
        "target": Decoder(_Target),
        "source": Decoder(Revisions),
        "scope": Decoder(Scope),
        "summary": Decoder(Summary),
        "guards": Decoder(tuple[GuardResult, ...]),
        "meta": Decoder(Meta),
        "redacted": Decoder(bool),
        "checksum": Decoder(str),
    }
)
_ROWS: Mapping[str, tuple[Decoder[Any], Callable[[Any], Any]]] = MappingProxyType(
    {
        "resource_changes": (Decoder(plan_rows.ChangeRow), plan_rows.read_change),
        "unreadable": (Decoder(plan_rows.UnreadableRow), plan_rows.read_unreadable),
        "conflicts": (Decoder(plan_rows.ConflictRow), plan_rows.read_conflict),
        "released": (Decoder(plan_rows.ReleasedRow), plan_rows.read_released),
    }
)
