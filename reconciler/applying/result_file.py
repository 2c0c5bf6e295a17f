"""What an apply did, as a document (schemas/result.schema.json) and as an audit record."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from reconciler.escape import in_json
from reconciler.model import Outcome, Plan, Revisions, Source
from reconciler.planning.summary import tally

FORMAT_VERSION = "1.0"


class RunInfo(Struct, frozen=True):
    """One run: when, for how long, who by, and how it ended; times are RFC 3339.

    `error` is why it ended early, if it did; `expected` the digest that was approved, if one was
    named: the plan's own is another where a part was in place already.
    """

    run: str
    version: str
    started: str
    seconds: float
    exit_code: int
    method: str
    journal: str
    base_url: str
    error: str
    expected: str | None
    by: Mapping[str, str]


class _Row(Struct):
    address: str
    action: str
    origin: str
    outcome: str
    detail: str
    source: Source


def document(plan: Plan | None, outcomes: Sequence[Outcome], ran: RunInfo) -> Iterator[str]:
    """Every outcome, a line each; of values only what the API said of them."""
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
    """Who applied what, and how it ended: the counts, not the records."""
    members = _members(plan, outcomes, ran).rstrip(",\n")
    yield f"{{\n{members}\n}}\n"


def plain(text: str) -> str:
    """A name of the machine's, which need not be UTF-8, as a text that can be written."""
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
    return in_json(msgspec.json.encode(value).decode())
