"""The nouns: frozen values that every other module speaks in."""

import re
from enum import StrEnum
from typing import Self

from msgspec import Struct


class Source(Struct, frozen=True, order=True, gc=False):
    """Where something is written: a file as the user named it, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Address(Struct, frozen=True, order=True, gc=False, array_like=True):
    """One record of the API: `messages/097b49df-c54e-4eaf-97d0-89cf7d5a655b`, sid lower-case."""

    kind: str
    sid: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """`messages/097b...` as an address; whether the kind and the SID exist is not checked."""
        kind, _, sid = text.partition("/")
        return cls(kind, sid)

    def __str__(self) -> str:
        return f"{self.kind}/{self.sid}"


class Severity(StrEnum):
    """Whether a problem stops the run."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Struct, frozen=True, gc=False):
    """Something the user must fix (or, a warning, should know), where it is written.

    `rule` is stable and short (`duplicate-address`): tools group and silence by it. `about` names
    what has the problem, wherever it stands: `messages/097b49df-...` or nothing.
    """

    source: Source
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    about: str = ""


class Record(Struct, frozen=True, gc=False):
    """A manifest entry that passed its checks.

    `wanted` is the exact text to send, None for a cleared field. `structured` tells that the
    manifest holds a mapping or a list, so that `wanted` is canonical JSON and any other layout
    of the same JSON is equal to it.
    """

    address: Address
    wanted: str | None
    structured: bool
    source: Source


class Current(Struct, frozen=True, gc=False):
    """What the API holds for one address; nothing else of the object is kept."""

    user_data: str | None
    date_changed: str | None = None


class Unreadable(Struct, frozen=True, gc=False):
    """A record that could not be read: the answer's status, if there was one, and why."""

    address: Address
    source: Source
    status: int | None
    reason: str


class Action(StrEnum):
    """What a change does to the field."""

    SET = "set"
    CHANGE = "change"
    CLEAR = "clear"


class Origin(StrEnum):
    """Why a record differs: because of this revision, or because somebody else changed it."""

    CHANGE = "change"
    DRIFT = "drift"
    BOTH = "both"
    ADOPT = "adopt"


class Mode(StrEnum):
    """What git owns of a record: the whole field, or only the keys that it has ever held."""

    REPLACE = "replace"
    MERGE = "merge"


class Side(StrEnum):
    """Who wins a conflict: what git wants, or what the API holds."""

    GIT = "git"
    LIVE = "live"


# Instead of an API's words on a record of which not all may be shown: they may quote it.
REDACTED_REASON = "(its words are not shown: the record is sensitive)"


class Change(Struct, frozen=True, gc=False):
    """What will be written to one record: the exact text expected there, the exact text to put.

    `sensitive` are the places (JSON Pointers, RFC 6901) that no output may show, None where the
    record has none; there may be none in these two texts, and one in what an API says. A `released`
    record is in git no more; its source is where it was, as in `1a2b3c4:manifests/a.yaml`. Where
    the new text is `structured`, any layout of the same JSON is equal to it.
    """

    address: Address
    origin: Origin
    before: str | None
    after: str | None
    source: Source
    sensitive: tuple[str, ...] | None = None
    released: bool = False
    structured: bool = False

    @property
    def action(self) -> Action:
        """Filling an empty field is `set`, emptying one `clear`; an empty text is empty too."""
        if not self.before and self.after is not None:
            return Action.SET
        return Action.CHANGE if self.after else Action.CLEAR


class Conflict(Struct, frozen=True, gc=False):
    """A record whose same places git and somebody else changed: nothing is written to it.

    `paths` are JSON Pointers, the empty one being the whole field.
    """

    address: Address
    base: str | None
    wanted: str | None
    live: str | None
    paths: tuple[str, ...]
    source: Source
    sensitive: tuple[str, ...] = ()


class Released(Struct, frozen=True, gc=False):
    """A record that git held at the base revision and holds no more; it is left as it is."""

    address: Address
    source: Source


class GuardResult(Struct, frozen=True):
    """What a guard says of a plan; `allowed` is a limit that was raised once, by hand.

    `value` and the limits are records, or per cent of them. `first` are addresses of records that
    count, at most ten.
    """

    guard: str
    limit: int
    value: int | float
    ok: bool
    allowed: int | None = None
    first: tuple[str, ...] = ()


class Revisions(Struct, frozen=True):
    """Which commits a plan speaks of; `base_is` says in words how the base was found.

    `head` is None where the manifests are not those of a commit.
    """

    base: str | None = None
    base_is: str | None = None
    head: str | None = None


_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


def is_commit(text: str) -> bool:
    """Whether a text is the whole name of a commit, of either of git's kinds."""
    return _COMMIT.fullmatch(text) is not None


def short_commit(commit: str) -> str:
    """A commit as people write it: `1a2b3c4`."""
    return commit[:7]


class Scope(Struct, frozen=True):
    """Which of the manifests' `records` a plan looked at; without a `since` at all of them.

    `manifests`, `target`, `exclude` and `only` are what narrowed it, as they were given. Records
    that left git and are cleared are counted among the `records`.
    """

    records: int = 0
    since: str | None = None
    manifests: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    only: tuple[Origin, ...] = ()


class Meta(Struct, frozen=True):
    """What differs between two plans of the same input, and means nothing to either.

    `created` is a time (RFC 3339), `fingerprint_key` hexadecimal: it makes equal sensitive values
    look equal within this plan.
    """

    version: str = ""
    created: str = ""
    fingerprint_key: str = ""


class Plan(Struct, frozen=True):
    """All changes in order of address, and what is needed to judge whether that is all.

    `managed` counts the records of the manifests that this plan speaks of: those in sync, those
    that change, are in conflict or are left alone, and those that could not be read.
    """

    base_url: str
    digest: str
    changes: tuple[Change, ...]
    in_sync: int
    unreadable: tuple[Unreadable, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    released: tuple[Released, ...] = ()
    left_alone: int = 0
    revisions: Revisions = Revisions()
    scope: Scope = Scope()
    guards: tuple[GuardResult, ...] = ()
    meta: Meta = Meta()

    @property
    def managed(self) -> int:
        """Records that this plan speaks of."""
        differing = len(self.changes) + len(self.conflicts) + self.left_alone
        return self.in_sync + differing + len(self.unreadable)

    @property
    def complete(self) -> bool:
        """Whether every record could be read."""
        return not self.unreadable

    @property
    def applyable(self) -> bool:
        """Whether there is anything to do that may be done; the one place that decides it."""
        return bool(self.changes) and not self.conflicts

    @property
    def sensitive(self) -> bool:
        """Whether something in it must not be shown."""
        return any(change.sensitive for change in self.changes) or any(
            conflict.sensitive for conflict in self.conflicts
        )

    @property
    def differs(self) -> bool:
        """Whether something is not as the manifests want it."""
        return bool(self.changes or self.conflicts)


class OutcomeName(StrEnum):
    """How one change ended."""

    APPLIED = "applied"
    ALREADY = "already"
    STALE = "stale"
    ALTERED = "altered"
    MISSING = "missing"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


# The record holds what the plan wants, written by this run or not.
GOOD_OUTCOMES = frozenset((OutcomeName.APPLIED, OutcomeName.ALREADY))


class Outcome(Struct, frozen=True, gc=False):
    """How one change ended, and in a sentence why, where the name does not say it all."""

    change: Change
    name: OutcomeName
    detail: str = ""
