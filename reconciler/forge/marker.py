"""The first line of what we post, by which it is found again: our words alone, never a value."""

import base64
import hashlib
import re
from typing import Literal

import msgspec
from msgspec import Struct

from reconciler.model import Change, Plan

Kind = Literal["plan", "drift"]
Status = Literal["planned", "applied", "outdated"]
_STATUSES: dict[str, Status] = {"applied": "applied", "outdated": "outdated"}

# Of so many changes each is known again; of more only whether all are the same.
_MOST_ITEMS = 400
# A shorter part could be met on purpose by another value, which nobody would be told of.
_ITEM_BYTES = 8

_LINE = re.compile(
    r"<!-- reconciler:(?P<kind>plan|drift) v=1(?P<members>(?: [a-z]+=[\w.:=-]*)*) -->"
)
_NUMBER = re.compile(r"[0-9]{1,12}")
NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")


class Marker(Struct, frozen=True):
    """Which plan a comment shows. `items` tell each of its changes, where they are few."""

    kind: Kind
    name: str
    digest: str
    status: Status = "planned"
    changes: int = 0
    head: str = ""
    items: frozenset[bytes] | None = None

    def __str__(self) -> str:
        """`<!-- reconciler:plan v=1 name=prod digest=sha256:... -->`."""
        members = {
            "name": self.name,
            "digest": self.digest,
            "status": self.status,
            "changes": str(self.changes),
            "head": self.head,
        }
        if self.items is not None:
            packed = base64.urlsafe_b64encode(b"".join(sorted(self.items))).decode()
            members["items"] = packed
        listed = "".join(f" {key}={value}" for key, value in members.items() if value)
        return f"<!-- reconciler:{self.kind} v=1{listed} -->"

    def grew(self, before: "Marker") -> bool:
        """Whether there is something that somebody who saw the other one has not seen."""
        if self.digest == before.digest or not self.changes:
            return False
        if self.items is None or before.items is None:
            return True
        return not self.items <= before.items


def of_plan(kind: Kind, name: str, plan: Plan) -> Marker:
    """The marker of a plan that was made."""
    items = None
    # Part of a hash is enough to test a guess at a value: where one is sensitive there are none.
    if len(plan.changes) <= _MOST_ITEMS and not plan.sensitive:
        items = frozenset(map(_item, plan.changes))
    head = plan.revisions.head or ""
    return Marker(kind, name, plan.digest, "planned", len(plan.changes), head, items)


def read(body: str) -> Marker | None:
    """The marker of a text that is ours; None where its first line is none."""
    found = _LINE.fullmatch(body.partition("\n")[0].rstrip("\r"))
    if found is None:
        return None
    members = dict(member.split("=", 1) for member in found["members"].split())
    changes = members.get("changes", "0")
    return Marker(
        "drift" if found["kind"] == "drift" else "plan",
        members.get("name", ""),
        members.get("digest", ""),
        _STATUSES.get(members.get("status", ""), "planned"),
        int(changes) if _NUMBER.fullmatch(changes) else 0,
        members.get("head", ""),
        _unpacked(members["items"]) if "items" in members else None,
    )


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
