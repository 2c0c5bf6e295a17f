"""Plan, outcomes and run -> the result (schemas/result.schema.json) and the audit record."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from reconciler.escape.text import in_json
from reconciler.model import Outcome, Plan, Revisions, Source
from reconciler.planning.summary import tally
from reconciler.values.json_text import encode

FORMAT_VERSION = "1.0"


class RunInfo(Struct, frozen=True):
    """One run of `apply`."""

    run: str
    """The name of the run; the API gets it as well."""
    version: str
    """The version of reconciler."""
    started: str
    """When the run started (RFC 3339, UTC)."""
    seconds: float
    """How long the run took, in seconds."""
    exit_code: int
    """The exit code."""
    method: str
    """How records were written: `patch` or `put`."""
    journal: str
    """The path of the journal."""
    base_url: str
    """The API that was written to."""
    error: str
    """Why the run ended early; empty if it did not."""
    expected: str | None
    """The approved digest (--expect), None without one.

    It differs from the plan's own digest if a part of the approved values was in place already.
    """
    by: Mapping[str, str]
    """Who started the run (`actor_of`)."""


class _Row(Struct):
    """The outcome of one change."""

    address: str
    """`messages/097b49df-...`."""
    action: str
    """`set`, `change` or `clear`."""
    origin: str
    """Why the record differed from git."""
    outcome: str
    """How the change ended."""
    detail: str
    """The reason in one sentence; empty if the outcome is enough."""
    source: Source
    """Where the entry is written."""


def document(plan: Plan | None, outcomes: Sequence[Outcome], ran: RunInfo) -> Iterator[str]:
    """The document in pieces, one outcome per line, in the order of the outcomes.

    It holds no values of records, except where a message of the API quotes one. Without a plan
    (None) its member `plan` is null.
    """
    yield f'{{\n{_members(plan, outcomes, ran)}"outcomes":'
    separator = "[\n"
    for outcome in outcomes:
        change = outcome.change
        row = _Row(
            str(change.address),
            change.action,
            change.origin,
            outcome.name,
            outcome.detail,
            change.source,
        )
        yield f"{separator}{_json(row)}"
        separator = ",\n"
    yield "[]\n}\n" if separator == "[\n" else "\n]\n}\n"


def audit(plan: Plan | None, outcomes: Sequence[Outcome], ran: RunInfo) -> Iterator[str]:
    """The audit record: the same document without the outcomes, which are only counted."""
    members = _members(plan, outcomes, ran).rstrip(",\n")
    yield f"{{\n{members}\n}}\n"


def plain(text: str) -> str:
    r"""A name from the operating system as text; bytes that are not UTF-8 become `\xff`."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _members(plan: Plan | None, outcomes: Sequence[Outcome], ran: RunInfo) -> str:
    about = msgspec.structs.asdict(ran)
    base_url = about.pop("base_url")
    members = {
        "format_version": FORMAT_VERSION,
        **about,
        "plan": None if plan is None else {"digest": plan.digest, "changes": len(plan.changes)},
        "target": {"base_url": base_url},
        "source": Revisions() if plan is None else plan.revisions,
        "summary": {name.value: count for name, count in tally(outcomes).items()},
    }
    return "".join(f"{_json(name)}:{_json(value)},\n" for name, value in members.items())


def _json(value: object) -> str:
    return in_json(encode(value))
