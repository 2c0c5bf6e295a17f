"""The nouns: frozen values that every other module speaks in."""

from enum import StrEnum

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


class Change(Struct, frozen=True, gc=False):
    """What will be written to one record: the exact text expected there, the exact text to put."""

    address: Address
    origin: Origin
    before: str | None
    after: str | None
    source: Source

    @property
    def action(self) -> Action:
        """Filling an empty field is `set`, emptying one `clear`; an empty text is empty too."""
        if not self.before and self.after is not None:
            return Action.SET
        return Action.CHANGE if self.after else Action.CLEAR


class Plan(Struct, frozen=True):
    """All changes in order of address, and what is needed to judge whether that is all.

    `managed` counts the records of the manifests that this plan speaks of: those in sync, those
    that change and those that could not be read.
    """

    base_url: str
    digest: str
    changes: tuple[Change, ...]
    in_sync: int
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def managed(self) -> int:
        """Records that this plan speaks of."""
        return self.in_sync + len(self.changes) + len(self.unreadable)

    @property
    def complete(self) -> bool:
        """Whether every record could be read."""
        return not self.unreadable

    @property
    def applyable(self) -> bool:
        """Whether there is anything to do; the one place that decides it."""
        return bool(self.changes)


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


class Outcome(Struct, frozen=True, gc=False):
    """How one change ended, and in a sentence why, where the name does not say it all."""

    change: Change
    name: OutcomeName
    detail: str = ""
