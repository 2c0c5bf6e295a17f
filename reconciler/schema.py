"""Entries -> records, or every problem at once.

Past `admit` nothing is checked again: an address is a kind and a lower-case UUID, and the wanted
text is what will be sent.
"""

from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring

from msgspec import Struct

from reconciler.errors import ProblemsError
from reconciler.kinds import KINDS, MANAGED_FIELD, MESSAGE_DRS, MESSAGES, Kind, is_sid
from reconciler.manifest import Entry
from reconciler.meaning import NULLS, check_text, json_of, meaning
from reconciler.model import Address, Problem, Record, Severity
from reconciler.suggest import did_you_mean
from reconciler.tree import Mapping, Mark, Node, Report, Scalar


class Admitted(Struct, frozen=True):
    """All records by address, in the order of the files, and the warnings."""

    records: dict[Address, Record]
    warnings: tuple[Problem, ...]


def admit(entry: Entry) -> Record | list[Problem]:
    """The record that an entry describes, or all that is wrong with the entry."""
    problems: list[Problem] = []

    def report(mark: Mark, rule: str, message: str) -> None:
        problems.append(Problem(entry.source(mark), rule, message))

    sid = entry.sid.text.lower()
    if not is_sid(sid):
        report(entry.sid.mark, "sid", _SID_ADVICE.format(entry.sid.text))
    node = _wanted(entry, report)
    if node is None:
        return problems
    wanted = _text(node, report) if isinstance(node, Scalar) else json_of(node, report)
    if problems:
        return problems
    return Record(
        Address(entry.kind, sid), wanted, not isinstance(node, Scalar), entry.source(entry.sid.mark)
    )


def admit_all(stream: Iterable[Entry | Problem]) -> Admitted:
    """The records of all entries; or, as one ProblemsError, every problem of every entry."""
    records: dict[Address, Record] = {}
    problems: list[Problem] = []
    for item in stream:
        admitted = [item] if isinstance(item, Problem) else admit(item)
        if isinstance(admitted, list):
            problems += admitted
            continue
        first = records.setdefault(admitted.address, admitted)
        if first is not admitted:
            problems.append(
                Problem(
                    admitted.source,
                    "duplicate-address",
                    f"{admitted.address} is already there at {first.source}",
                )
            )
    problems += _shared_sids(records)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ProblemsError(sorted(problems, key=lambda problem: problem.source))
    return Admitted(records, tuple(problems))


def _shared_sids(records: dict[Address, Record]) -> Iterator[Problem]:
    """The API's pages hint that a message and its detail record may share one SID."""
    for address, record in records.items():
        if address.kind == MESSAGE_DRS.name:
            other = records.get(Address(MESSAGES.name, address.sid))
            if other is not None:
                yield Problem(
                    record.source,
                    "shared-sid",
                    f"the same SID is under `{MESSAGES.name}` at {other.source}: "
                    "if both are one record to the API, they will overwrite each other",
                    Severity.WARNING,
                )


def _wanted(entry: Entry, report: Report) -> Node | None:
    """The node under `user_data`."""
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
    """Why a field cannot be there: the rule and the message."""
    if name in kind.read_only:
        return "read-only", f"`{name}` is read-only: only {MANAGED_FIELD} can be changed"
    hint = did_you_mean(name, (MANAGED_FIELD,)) or f": only {MANAGED_FIELD} can be changed"
    return "unknown-field", f"`{name}` is not a field of a {kind.noun}{hint}"


def _text(scalar: Scalar, report: Report) -> str | None:
    """The text to send for a scalar right under `user_data`, None to clear the field."""
    text = scalar.text
    if scalar.plain:
        if text == "null":
            return None
        if text in NULLS:
            written = f"`{text}`" if text else "nothing"
            cure = 'write null to clear the field, "" for an empty text'
            report(scalar.mark, "null", f"{written} here is in doubt: {cure}")
        elif meaning(text) != encode_basestring(text):
            report(
                scalar.mark,
                "type",
                f"{MANAGED_FIELD} is text, a mapping or a list; `{text}` may be read as a number "
                f'or a boolean: quote it ("{text}")',
            )
    check_text(scalar, report)
    return text


_SID_ADVICE = "`{}` is not a SID: expected a UUID such as 097b49df-c54e-4eaf-97d0-89cf7d5a655b"
