"""The first line of what we post, by which it is found again: our words alone, never a value."""

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

# Of so many changes each is known again; of more only whether all are the same.
_MOST_ITEMS = 400
# A shorter part could be met on purpose by another value, which nobody would be told of.
_ITEM_BYTES = 8

_LINE = re.compile(
    r"<!-- reconciler:(?P<kind>plan|drift) v=1(?P<members>(?: [a-z]+=[!-;=?-~]*)*) -->"
)
_UNSAFE_IN_LINKS = set("()<>[]\"'`\\ |")
_NUMBER = re.compile(r"[0-9]{1,12}")
NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")


class Marker(Struct, frozen=True):
    """Which plan a comment shows, and when it was made (`made`, seconds since 1970).

    `items` tell each of its changes, where they are few; `stops` all that stops an apply of it;
    `report` is where the HTML report is.
    """

    kind: Kind
    name: str
    digest: str
    status: Status = "planned"
    changes: int = 0
    head: str = ""
    made: int = 0
    stops: str = ""
    report: str = ""
    items: frozenset[bytes] | None = None

    def __str__(self) -> str:
        """`<!-- reconciler:plan v=1 name=prod digest=sha256:... -->`."""
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
            packed = base64.urlsafe_b64encode(b"".join(sorted(self.items))).decode()
            members["items"] = packed
        listed = "".join(f" {key}={value}" for key, value in members.items() if value)
        return f"<!-- reconciler:{self.kind} v=1{listed} -->"

    def grew(self, before: "Marker") -> bool:
        """Whether there is something that somebody who saw the other one has not seen."""
        return bool(self.stops and self.stops != before.stops) or self.has_more(before)

    def has_more(self, before: "Marker") -> bool:
        """Whether there is a change that the other one does not have."""
        if self.digest == before.digest or not self.changes:
            return False
        if self.items is None or before.items is None:
            return True
        return not self.items <= before.items

    def with_those_of(self, before: "Marker") -> "Marker":
        """The same, knowing what the other one knew: what could not be read may be so still."""
        if self.items is None or before.items is None:
            return self
        return structs.replace(self, items=self.items | before.items)


def of_plan(kind: Kind, name: str, plan: Plan) -> Marker:
    """The marker of a plan that was made."""
    items = None
    # Part of a hash is enough to test a guess at a value: where one is sensitive there are none.
    if len(plan.changes) <= _MOST_ITEMS and not plan.sensitive:
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
    """The marker of a text that is ours; None where its first line is none."""
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
    try:
        return int(datetime.fromisoformat(created).timestamp())
    except ValueError:
        return 0


def _stops(plan: Plan) -> str:
    """Stands for all that stops an apply, and for the guards that were let pass."""
    what = [
        *(f"{one.address} {' '.join(one.paths)}" for one in plan.conflicts),
        *(str(one.address) for one in plan.unreadable),
        *(f"{one.guard} {one.allowed}" for one in plan.guards if one.allowed or not one.ok),
    ]
    if not what:
        return ""
    return hashlib.sha256(msgspec.json.encode(what)).hexdigest()[: 2 * _ITEM_BYTES]


def is_link(url: str) -> bool:
    """Whether an address may stand in a comment: https, and nothing that markdown could misread."""
    if not (url.isascii() and url.isprintable()) or _UNSAFE_IN_LINKS & set(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    ours = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    return bool(parts.hostname) and (parts.scheme == "https" or ours)


def _item(change: Change) -> bytes:
    row = [change.address.kind, change.address.sid, change.before, change.after]
    return hashlib.sha256(msgspec.json.encode(row)).digest()[:_ITEM_BYTES]


def _unpacked(text: str) -> frozenset[bytes] | None:
    try:
        packed = base64.urlsafe_b64decode(text)
    except ValueError:
        return None
    return frozenset(
        packed[start : start + _ITEM_BYTES] for start in range(0, len(packed), _ITEM_BYTES)
    )
