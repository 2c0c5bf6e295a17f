"""The shared types: frozen values that are passed between all other modules.

The `gc=False` of small values keeps them away from Python's garbage collector: a plan may hold a
million of them, and none of them can be part of a reference cycle.
"""

import re
from enum import StrEnum
from typing import Self

from msgspec import Struct


class Source(Struct, frozen=True, order=True, gc=False):
    """A place in a file, ordered by file, line and column."""

    file: str
    """The file relative to the project's root, as in `manifests/a.yaml`.

    A file at a commit is `1a2b3c4:manifests/a.yaml`, a file outside the root has an absolute path.
    """
    line: int
    """The line, from 1."""
    column: int
    """The column in characters, from 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Address(Struct, frozen=True, order=True, gc=False, array_like=True):
    """One record of the API: `messages/097b49df-c54e-4eaf-97d0-89cf7d5a655b`."""

    kind: str
    """The name of the kind, a key of `kinds.KINDS`: `messages`."""
    sid: str
    """The SID: a UUID in lower case."""

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
    """Stops the run."""
    WARNING = "warning"
    """Is reported; the run goes on."""


class Problem(Struct, frozen=True, gc=False):
    """An error that the user must fix, or a warning, in a manifest or in the settings."""

    source: Source
    """Where the problem is."""
    rule: str
    """The stable name of the violated rule (`duplicate-address`), for grouping and filtering."""
    message: str
    """The problem and how to fix it, in one sentence without its place."""
    severity: Severity = Severity.ERROR
    """Whether the problem stops the run."""
    about: str = ""
    """The record that has the problem (`messages/097b49df-...`); empty if it is not about one."""


class Record(Struct, frozen=True, gc=False):
    """A manifest entry that passed its checks."""

    address: Address
    """The record that the entry is for."""
    wanted: str | None
    """The exact text that `user_data` must hold; None for an empty field (null)."""
    structured: bool
    """Whether the manifest holds a mapping or a list.

    `wanted` is then canonical JSON, and any other layout of the same JSON is equal to it.
    """
    source: Source
    """Where the entry is written."""


class Current(Struct, frozen=True, gc=False):
    """The live value of one record; all other fields of the API's object are dropped."""

    user_data: str | None
    """The live text; None if the field is empty (null)."""
    date_changed: str | None = None
    """The API's field `date_changed` as it was sent; None if the object has none."""


class Unreadable(Struct, frozen=True, gc=False):
    """A record that could not be read."""

    address: Address
    """The record."""
    source: Source
    """Where its manifest entry is written."""
    status: int | None
    """The HTTP status of the response; None if there was no response."""
    reason: str
    """The API's message or the transport error; `REDACTED_REASON` for a sensitive record."""


class Action(StrEnum):
    """How a change affects the field; an empty text counts as an empty field."""

    SET = "set"
    """Fills an empty field."""
    CHANGE = "change"
    """Replaces one text with another."""
    CLEAR = "clear"
    """Empties a field."""


class Origin(StrEnum):
    """Why the live value differs from git (README.md, "Approving a plan")."""

    CHANGE = "change"
    """Git changed since the base, and the live record did not.

    Also a record that is new in git and whose live field is empty.
    """
    DRIFT = "drift"
    """The live value changed since the base; git did not."""
    BOTH = "both"
    """Git and the live value both changed since the base."""
    ADOPT = "adopt"
    """The live value never came from git, or no base is known that could prove it."""


class Mode(StrEnum):
    """How much of a record's field git owns."""

    REPLACE = "replace"
    """The whole field."""
    MERGE = "merge"
    """Only the keys that git holds now or held at the base; other keys are kept."""


class Side(StrEnum):
    """The side that wins a conflict (--resolve)."""

    GIT = "git"
    """The value in git is written."""
    LIVE = "live"
    """The live value is kept."""


# Shown in place of the API's error text for sensitive records, because the API may quote the value.
REDACTED_REASON = "(message not shown: the record is sensitive)"


class Change(Struct, frozen=True, gc=False):
    """One write to one record, and the condition under which it may be sent."""

    address: Address
    """The record to write."""
    origin: Origin
    """Why the record differs from git."""
    before: str | None
    """The exact live text of the plan; the write is only sent while the record still holds it.

    None for an empty field (null).
    """
    after: str | None
    """The exact text to write; None clears the field (null)."""
    source: Source
    """Where the entry is written; for a `released` record the place before its removal."""
    sensitive: tuple[str, ...] | None = None
    """JSON Pointers (RFC 6901) to redact in every output.

    None: the record has no sensitive fields. (): it may have some, but `before` and `after` hold
    none; the API's messages must still be redacted.
    """
    released: bool = False
    """Whether the record was removed from git; the write clears its field, or git's keys in it."""
    structured: bool = False
    """Whether `after` is canonical JSON, so that any layout of the same JSON is equal to it."""

    @property
    def action(self) -> Action:
        """`set`, `change` or `clear`; an empty text counts as an empty field."""
        if not self.before and self.after is not None:
            return Action.SET
        return Action.CHANGE if self.after else Action.CLEAR


class Conflict(Struct, frozen=True, gc=False):
    """A record in which git and another client changed the same value since the base.

    Nothing is applied while a plan has a conflict; --resolve chooses a side.
    """

    address: Address
    """The record."""
    base: str | None
    """The text in git at the base; None for an empty field."""
    wanted: str | None
    """The text in git now; None for an empty field."""
    live: str | None
    """The live text; None for an empty field."""
    paths: tuple[str, ...]
    """JSON Pointers (RFC 6901) of the values in conflict; the empty pointer is the whole field."""
    source: Source
    """Where the entry is written; for a removed record the place before its removal."""
    sensitive: tuple[str, ...] = ()
    """JSON Pointers to redact in the three texts; empty if nothing has to be redacted."""


class Released(Struct, frozen=True, gc=False):
    """A record that was removed from git since the base; its live value is kept."""

    address: Address
    """The record."""
    source: Source
    """Where it was written before its removal, as in `1a2b3c4:manifests/a.yaml`."""


class GuardResult(Struct, frozen=True):
    """The result of one guard for one plan.

    `limit`, `value` and `allowed` have one unit: records, or per cent of the managed records.
    """

    guard: str
    """The guard's name: `max_clears`."""
    limit: int
    """The limit in reconciler.yaml, or its default."""
    value: int | float
    """The number that the guard counted in the plan; per cent have one decimal."""
    ok: bool
    """Whether the guard lets the plan be applied."""
    allowed: int | None = None
    """The limit raised by --allow; None if it was not raised, or if raising it was not needed."""
    first: tuple[str, ...] = ()
    """The first ten addresses that count; empty if the guard passes without --allow."""
    checked: bool = True
    """Whether the guard could count; without a base no change is known to revert drift."""


class Revisions(Struct, frozen=True):
    """The commits that a plan compares."""

    base: str | None = None
    """The full name of the base commit; None if no base is known."""
    base_is: str | None = None
    """How the base was found, or why none is known, for people: `the last one that was applied`.

    None for a plan that no base could change, such as a rollback.
    """
    head: str | None = None
    """The full name of the commit that the manifests are equal to; None if unknown or different."""


_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


def is_commit(text: str) -> bool:
    """Whether a text is a commit's full name: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits."""
    return _COMMIT.fullmatch(text) is not None


def short_commit(commit: str) -> str:
    """The first seven digits of a commit's name: `1a2b3c4`."""
    return commit[:7]


class Scope(Struct, frozen=True):
    """The size of the manifests, and the flags that limit a plan to a part of them."""

    records: int = 0
    """All records of the manifests, plus those that were removed from git and are cleared."""
    since: str | None = None
    """The commit of --since: only records that changed after it are read; None for all records."""
    manifests: tuple[str, ...] = ()
    """Files and folders named on the command line; empty for those of reconciler.yaml."""
    target: tuple[str, ...] = ()
    """The patterns of --target, as given; empty for all records."""
    exclude: tuple[str, ...] = ()
    """The patterns of --exclude, as given."""
    only: tuple[Origin, ...] = ()
    """The origins of --only; empty for all origins."""


class Meta(Struct, frozen=True):
    """Metadata that neither digest nor checksum covers: it differs in two plans of equal input."""

    version: str = ""
    """The version of reconciler that made the plan."""
    created: str = ""
    """When the plan was made (RFC 3339, UTC)."""
    fingerprint_key: str = ""
    """The key of the fingerprints of sensitive values, hexadecimal; otherwise empty.

    Within the plan equal values of git have equal fingerprints.
    """


class Plan(Struct, frozen=True):
    """All differences between the manifests and the live records."""

    base_url: str
    """The API that the plan was made for; it can be applied to no other."""
    digest: str
    """`sha256:...` over the base URL and the changes (`planning.digest`); an approval names it."""
    changes: tuple[Change, ...]
    """The writes of an apply, in order of address."""
    in_sync: int
    """The number of records that hold the wanted value."""
    unreadable: tuple[Unreadable, ...] = ()
    """Records that could not be read, in order of address."""
    conflicts: tuple[Conflict, ...] = ()
    """Records in conflict, in order of address; one of them is enough to block every apply."""
    released: tuple[Released, ...] = ()
    """Records that were removed from git and keep their live value, in order of address."""
    left_alone: int = 0
    """The number of records that differ and are not written, because of --only or --resolve."""
    revisions: Revisions = Revisions()
    """The commits that were compared."""
    scope: Scope = Scope()
    """The part of the manifests' records that the plan covers."""
    guards: tuple[GuardResult, ...] = ()
    """The result of every guard that has a limit."""
    meta: Meta = Meta()
    """Version, time and fingerprint key."""
    environment: str | None = None
    """The environment of reconciler.yaml that the plan is for (--env); None without one."""

    @property
    def managed(self) -> int:
        """The number of records that the plan covers.

        They are in sync, changed, in conflict, left alone or unreadable; released records do not
        count.
        """
        differing = len(self.changes) + len(self.conflicts) + self.left_alone
        return self.in_sync + differing + len(self.unreadable)

    @property
    def complete(self) -> bool:
        """Whether every record could be read."""
        return not self.unreadable

    @property
    def applyable(self) -> bool:
        """Whether there are changes and no conflicts; guards are judged separately."""
        return bool(self.changes) and not self.conflicts

    @property
    def sensitive(self) -> bool:
        """Whether a text in the plan holds a value that must be redacted."""
        return any(change.sensitive for change in self.changes) or any(
            conflict.sensitive for conflict in self.conflicts
        )

    @property
    def differs(self) -> bool:
        """Whether at least one record would be written or is in conflict."""
        return bool(self.changes or self.conflicts)


class OutcomeName(StrEnum):
    """How one change ended (docs/applying.md)."""

    APPLIED = "applied"
    """The API showed the new value after the write."""
    ALREADY = "already"
    """The record already held the new value; this run did not write it."""
    STALE = "stale"
    """The live value changed since the plan; it was not overwritten."""
    ALTERED = "altered"
    """The API stored another value than the one that was sent."""
    MISSING = "missing"
    """The record does not exist (404 or 410)."""
    REJECTED = "rejected"
    """The API refused the write, which was not done."""
    SKIPPED = "skipped"
    """The run stopped before this change was written."""
    FAILED = "failed"
    """The write was certainly not done, for any other reason."""
    UNKNOWN = "unknown"
    """A write may have reached the API, and reading the record back did not settle it."""


# With these outcomes the record holds the wanted value, written by this run or by another client.
GOOD_OUTCOMES = frozenset((OutcomeName.APPLIED, OutcomeName.ALREADY))


class Outcome(Struct, frozen=True, gc=False):
    """The result of applying one change."""

    change: Change
    """The change of the plan."""
    name: OutcomeName
    """How it ended."""
    detail: str = ""
    """The reason in one sentence, such as the API's message; empty if the name is enough."""
