"""A plan <-> the first line of its comment, by which a later run finds the comment.

The line is an HTML comment, so readers do not see it. It contains hashes, but never a value.
"""

import base64
import hashlib
import re
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from reconciler.model import Change, Plan

Kind = Literal["plan", "drift"]
Status = Literal["planned", "applied", "outdated"]
_STATUSES: dict[str, Status] = {"applied": "applied", "outdated": "outdated"}

# Up to this number of changes the marker holds a hash of each. Larger plans are only compared by
# their digest.
_MAX_ITEMS = 400
# With a shorter hash an attacker could find another value with the same hash, and the change
# would not be shown as new.
_ITEM_BYTES = 8

# Values are printable ASCII without `<`, `>` and spaces: none of them can end the HTML comment.
_LINE = re.compile(
    r"<!-- reconciler:(?P<kind>plan|drift) v=1(?P<members>(?: [a-z]+=[!-;=?-~]*)*) -->"
)
_UNSAFE_IN_LINKS = set("()<>[]\"'`\\ |")
# `int` raises ValueError above 4,300 digits, and a comment can be edited by hand.
_NUMBER = re.compile(r"[0-9]{1,12}")
# A valid name of a plan.
NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")


class Marker(Struct, frozen=True):
    """The plan that a comment or an issue shows."""

    kind: Kind
    """`plan` for a comment on a pull request, `drift` for an issue."""
    name: str
    """The name of the plan: one pull request can have several, each with its own comment."""
    digest: str
    """The digest of the plan."""
    status: Status = "planned"
    """`planned` while an apply is pending; `outdated` once the comment is superseded."""
    changes: int = 0
    """The number of changes."""
    head: str = ""
    """The commit of the manifests; empty if unknown."""
    made: int = 0
    """When the plan was made, in seconds since 1970; 0 if unknown."""
    stops: str = ""
    """A hash of everything that stops an apply, and of allowed guards; otherwise empty."""
    report: str = ""
    """The https address of the HTML report; otherwise empty."""
    items: frozenset[bytes] | None = None
    """A hash of each change; None if there are too many, or if a value is sensitive."""

    def __str__(self) -> str:
        """The line: `<!-- reconciler:plan v=1 name=prod digest=sha256:... -->`."""
        members = {
            "name": self.name,
            "digest": self.digest,
            "status": self.status,
            "changes": str(self.changes),
            "head": self.head,
            "made": str(self.made or ""),
            "stops": self.stops,
            "report": self.report,
        }
        if self.items is not None:
            # Sorted: the order of a set of bytes differs between runs (PYTHONHASHSEED).
            packed = base64.urlsafe_b64encode(b"".join(sorted(self.items))).decode()
            members["items"] = packed
        listed = "".join(f" {key}={value}" for key, value in members.items() if value)
        return f"<!-- reconciler:{self.kind} v=1{listed} -->"

    def grew(self, before: "Marker") -> bool:
        """Whether the plan has a change or an obstacle that the plan `before` did not have."""
        return bool(self.stops and self.stops != before.stops) or self.has_more(before)

    def has_more(self, before: "Marker") -> bool:
        """Whether the plan has a change that the plan `before` did not have.

        True if the digests differ and one of the two plans has no hashes of its changes.
        """
        if self.digest == before.digest or not self.changes:
            return False
        if self.items is None or before.items is None:
            return True
        return not self.items <= before.items

    def with_those_of(self, before: "Marker") -> "Marker":
        """The marker with the changes of `before` added.

        For a plan that could not read all records: the unreadable ones may still differ.
        """
        if self.items is None or before.items is None:
            return self
        return structs.replace(self, items=self.items | before.items)


def of_plan(kind: Kind, name: str, plan: Plan) -> Marker:
    """The marker of a plan, with the status `planned` and without a report."""
    items = None
    # A part of a hash is enough to test a guess at a value: none for plans with sensitive values.
    if len(plan.changes) <= _MAX_ITEMS and not plan.sensitive:
        items = frozenset(map(_item, plan.changes))
    return Marker(
        kind,
        name,
        plan.digest,
        changes=len(plan.changes),
        head=plan.revisions.head or "",
        made=_seconds(plan.meta.created),
        stops=_stops(plan),
        items=items,
    )


def read(body: str) -> Marker | None:
    """The marker in the first line of a text; None if that line is not a marker.

    Invalid members are read as their defaults: a comment can be edited by hand.
    """
    found = _LINE.fullmatch(body.partition("\n")[0].rstrip("\r"))
    if found is None:
        return None
    members = dict(member.split("=", 1) for member in found["members"].split())
    report = members.get("report", "")
    return Marker(
        "drift" if found["kind"] == "drift" else "plan",
        members.get("name", ""),
        members.get("digest", ""),
        _STATUSES.get(members.get("status", ""), "planned"),
        _number(members.get("changes", "")),
        members.get("head", ""),
        _number(members.get("made", "")),
        members.get("stops", ""),
        report if is_link(report) else "",
        _unpacked(members["items"]) if "items" in members else None,
    )


def _number(text: str) -> int:
    return int(text) if _NUMBER.fullmatch(text) else 0


def _seconds(created: str) -> int:
    """Seconds since 1970; 0 if the text is not a date."""
    try:
        return int(datetime.fromisoformat(created).timestamp())
    except ValueError:
        return 0


def _stops(plan: Plan) -> str:
    """A hash of all conflicts, unreadable records, and guards that fail or were allowed to pass.

    Empty if a plan has none of them.
    """
    what = [
        *(f"{one.address} {' '.join(one.paths)}" for one in plan.conflicts),
        *(str(one.address) for one in plan.unreadable),
        *(f"{one.guard} {one.allowed}" for one in plan.guards if one.allowed or not one.ok),
    ]
    if not what:
        return ""
    return hashlib.sha256(msgspec.json.encode(what)).hexdigest()[: 2 * _ITEM_BYTES]


def is_link(url: str) -> bool:
    """Whether an address can be shown in a comment: https, without characters of Markdown syntax.

    Plain http is allowed for localhost and 127.0.0.1.
    """
    if not (url.isascii() and url.isprintable()) or _UNSAFE_IN_LINKS & set(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    ours = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    return bool(parts.hostname) and (parts.scheme == "https" or ours)


def _item(change: Change) -> bytes:
    """The hash of one change: its address and both values."""
    row = [change.address.kind, change.address.sid, change.before, change.after]
    return hashlib.sha256(msgspec.json.encode(row)).digest()[:_ITEM_BYTES]


def _unpacked(text: str) -> frozenset[bytes] | None:
    """The hashes in the member `items`; None if it is not base64."""
    try:
        packed = base64.urlsafe_b64decode(text)
    except ValueError:
        return None
    return frozenset(
        packed[start : start + _ITEM_BYTES] for start in range(0, len(packed), _ITEM_BYTES)
    )
