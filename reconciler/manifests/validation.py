"""Entries -> records, or every problem at once.

After `validate_entry` nothing is checked again: an address is a kind with a lower-case UUID, and
the wanted text is the exact text to send.
"""

from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring

from reconciler.kinds import KINDS, MANAGED_FIELD, Kind, is_sid
from reconciler.manifests.composer import ReportProblem
from reconciler.manifests.nodes import Mapping, Node, Scalar
from reconciler.manifests.parser import Entry
from reconciler.manifests.resolver import NULLS, check_text, resolve_scalar, to_json
from reconciler.manifests.rule_catalog import severity
from reconciler.manifests.yaml_events import Mark
from reconciler.model import Address, Problem, Record, Severity, Source
from reconciler.wording import did_you_mean


def validate_entry(entry: Entry) -> tuple[Record | None, list[Problem]]:
    """The record of an entry, or None if the entry has an error; and all problems of the entry."""
    problems: list[Problem] = []

    def report(mark: Mark, rule: str, message: str) -> None:
        about = f"{entry.kind}/{entry.sid.text}"
        problems.append(Problem(entry.source(mark), rule, message, severity(rule), about))

    # Upper-case SIDs are accepted; an address has the lower-case spelling only.
    sid = entry.sid.text.lower()
    if not is_sid(sid):
        report(entry.sid.mark, "sid", _SID_ADVICE.format(entry.sid.text))
    node = _wanted(entry, report)
    if node is None:
        return None, problems
    wanted = _text(node, report) if isinstance(node, Scalar) else to_json(node, report)
    if is_error(problems):
        return None, problems
    structured = not isinstance(node, Scalar)
    source = entry.source(entry.sid.mark)
    return Record(Address(entry.kind, sid), wanted, structured, source), problems


def is_error(problems: Iterable[Problem]) -> bool:
    """Whether one of the problems is an error and not a warning."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def collect_records(
    stream: Iterable[Record | Problem],
) -> tuple[dict[Address, Record], list[Problem]]:
    """The records by address, and all problems sorted by place.

    Adds a problem for each record that is defined twice or shares its SID with another kind.
    """
    records: dict[Address, Record] = {}
    problems: list[Problem] = []
    for item in stream:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        first = records.setdefault(item.address, item)
        if first is not item:
            message = f"{item.address} is already defined at {first.source}"
            problems.append(
                Problem(item.source, "duplicate-address", message, about=str(item.address))
            )
    problems += _shared_sids(records)
    return records, sorted(problems, key=_source)


def _source(problem: Problem) -> Source:
    return problem.source


def _shared_sids(records: dict[Address, Record]) -> Iterator[Problem]:
    """Warnings for SIDs under two kinds that may share them (`Kind.may_share_sids_with`)."""
    shared = {kind.name: kind.may_share_sids_with for kind in KINDS.values()}
    for address, record in records.items():
        name = shared[address.kind]
        other = records.get(Address(name, address.sid)) if name else None
        if other is not None:
            message = (
                f"the same SID is under `{name}` at {other.source}: "
                "if both are the same record in the API, they overwrite each other"
            )
            yield Problem(record.source, "shared-sid", message, Severity.WARNING, str(address))


def _wanted(entry: Entry, report: ReportProblem) -> Node | None:
    """The node under `user_data`; without one None, and a problem is reported."""
    if not isinstance(entry.body, Mapping):
        report(entry.body.mark, "shape", f"expected `{MANAGED_FIELD}:` with its value under a SID")
        return None
    wanted = None
    for key, value in entry.body.pairs:
        if key.text == MANAGED_FIELD:
            wanted = value
        else:
            report(key.mark, *_field(key.text, KINDS[entry.kind]))
    if not entry.body.pairs:
        report(entry.body.mark, "shape", f"`{MANAGED_FIELD}` is missing")
    return wanted


def _field(name: str, kind: Kind) -> tuple[str, str]:
    """The rule and the message for a field that is not allowed in a record."""
    if name in kind.read_only:
        return "read-only", f"`{name}` is read-only: only {MANAGED_FIELD} can be changed"
    hint = did_you_mean(name, (MANAGED_FIELD,)) or f": only {MANAGED_FIELD} can be changed"
    return "unknown-field", f"`{name}` is not a field of a {kind.noun}{hint}"


def _text(scalar: Scalar, report: ReportProblem) -> str | None:
    """The text to send for a scalar directly under `user_data`; None to clear the field.

    A text that YAML could give another type is reported: nothing but text, mappings and lists is
    sent.
    """
    text = scalar.text
    if scalar.plain:
        if text == "null":
            return None
        if text in NULLS:
            # `user_data:` with its lines commented out must not clear the record.
            written = f"`{text}` is ambiguous" if text else "empty value"
            cure = 'write null to clear the field, "" for an empty text'
            report(scalar.mark, "null", f"{written}: {cure}")
        elif resolve_scalar(text) != encode_basestring(text):
            report(
                scalar.mark,
                "type",
                f"{MANAGED_FIELD} must be text, a mapping or a list; `{text}` may be read as a "
                f'number or a boolean: quote it ("{text}")',
            )
    check_text(scalar, report)
    return text


_SID_ADVICE = "`{}` is not a SID: expected a UUID such as 097b49df-c54e-4eaf-97d0-89cf7d5a655b"
