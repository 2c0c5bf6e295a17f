"""The rules of reconciler.yaml + records -> what they have against them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from msgspec import Struct, structs

from reconciler.kinds import MANAGED_FIELD
from reconciler.manifests.discovery import Tree
from reconciler.manifests.json_schema import Finding, UserSchema
from reconciler.manifests.nodes import descend
from reconciler.manifests.parser import Entry, parse
from reconciler.manifests.rule_catalog import RULES, severity
from reconciler.manifests.settings import FILE, Settings, locate
from reconciler.model import Address, Mode, Problem, Record, Source
from reconciler.values.canonical import describe_length, structure
from reconciler.values.json_pointer import to_pointer


class Rules:
    """The rules in force: for each thing that a rule can say, the last one that says it counts."""

    def __init__(self, settings: Settings, tree: Tree) -> None:
        self._tree = tree
        self._max_chars = settings.limits.user_data_max_chars
        self._rules = settings.rules
        self._schemas = {
            rule.user_data_schema: UserSchema(tree, rule.user_data_schema)
            for rule in settings.rules
            if rule.user_data_schema is not None
        }
        self._by_file: dict[str, _InForce] = {}

    def check(self, records: Iterable[Record]) -> list[Problem]:
        """Everything that the rules have against the records."""
        problems: list[Problem] = []
        found: dict[str, dict[Address, tuple[Record, Sequence[Finding]]]] = {}
        for record in records:
            if self._max_chars is not None and len(record.wanted or "") > self._max_chars:
                problems.append(_too_long(record, self._max_chars))
            schema = self._schema_for(record)
            findings = _findings(schema, record)
            if findings:
                found.setdefault(record.source.file, {})[record.address] = (record, findings)
        for file, by_address in found.items():
            problems += _placed(self._tree, file, by_address)
        return problems

    def advice(self, files: Iterable[str]) -> Iterator[Problem]:
        """What is odd about the rules themselves, given all files; only warnings."""
        overruled: Counter[tuple[int, int, str]] = Counter()
        used: set[int] = set()
        for file in files:
            numbers = self._matching(file)
            used.update(numbers)
            overruled.update(self._overruled(numbers))
        for number in range(len(self._rules)):
            if number not in used:
                globs = ", ".join(self._rules[number].paths)
                yield self._odd(
                    number, "unused-rule", f"rule {number + 1} ({globs}) matches no manifest"
                )
        for (early, late, name), count in sorted(overruled.items()):
            where = "1 file" if count == 1 else f"{count:,} files"
            message = (
                f"rule {late + 1} goes before rule {early + 1} for {where}, which say another "
                f"`{name}`: the last rule wins"
            )
            yield self._odd(late, "overruled", message)

    def discreet(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems, without what they quote from files in which something must not be shown."""
        for problem in problems:
            name = self._for_file(problem.source.file).user_data_schema
            quotes = problem.rule in _QUOTING and name is not None and self._schemas[name].hides
            yield structs.replace(problem, message=RULES[problem.rule]) if quotes else problem

    def hides(self, file: str) -> bool:
        """Whether something in a file's records must not be shown."""
        name = self._for_file(file).user_data_schema
        return name is not None and self._schemas[name].hides

    def mode(self, record: Record) -> Mode:
        """What git owns of a record."""
        return self._for(record).mode

    def clears(self, record: Record) -> bool:
        """Whether a record that left git is cleared."""
        return self._for(record).removed == "clear"

    def sensitive(self, record: Record, *texts: str | None) -> tuple[str, ...] | None:
        """Where a text that a record held or will hold is not to be shown, as JSON Pointers.

        None where all may be shown that the record could ever hold.

        Where a text is not what the schema speaks of, nobody knows where in it the secret is: then
        nothing of the record is shown.
        """
        schema = self._schema_for(record)
        if schema is None or not schema.hides:
            return None
        places: set[str] = set()
        for text in filter(None, texts):
            value = structure(text)
            found = schema.sensitive(text if value is None else value)
            places.update(map(to_pointer, found))
            spoken_of = bool(found) or isinstance(value, dict)
            if not spoken_of or schema.findings(text, structured=value is not None):
                return ("",)
        return tuple(sorted(places))

    def _schema_for(self, record: Record) -> UserSchema | None:
        name = self._for(record).user_data_schema
        return None if name is None else self._schemas[name]

    def _for(self, record: Record) -> "_InForce":
        return self._for_file(record.source.file)

    def _for_file(self, file: str) -> "_InForce":
        if file not in self._by_file:
            self._by_file[file] = self._in_force(file)
        return self._by_file[file]

    def _in_force(self, file: str) -> "_InForce":
        said: dict[str, Any] = {}
        for number in self._matching(file):
            rule = self._rules[number]
            said |= {name: value for name in _SAID if (value := getattr(rule, name)) is not None}
        return _InForce(**said)

    def _matching(self, file: str) -> list[int]:
        return [
            number
            for number, rule in enumerate(self._rules)
            if any(fnmatchcase(file, glob) for glob in rule.paths)
        ]

    def _odd(self, number: int, rule: str, message: str) -> Problem:
        return Problem(locate(self._tree, "rules", number), rule, message, severity(rule))

    def _overruled(self, numbers: Sequence[int]) -> Iterator[tuple[int, int, str]]:
        """(rule, later rule, what) for what the one says and the other says otherwise."""
        for name in _SAID:
            saying = [n for n in numbers if getattr(self._rules[n], name) is not None]
            for early, late in pairwise(saying):
                if getattr(self._rules[early], name) != getattr(self._rules[late], name):
                    yield early, late, name


# Rules whose problems say what is written there.
_QUOTING = frozenset(("alias", "doubtful", "key", "null", "tag", "type"))

# What a rule can say of a file.
_SAID = ("mode", "removed", "user_data_schema")


class _InForce(Struct, frozen=True):
    """What holds for one file."""

    mode: Mode = Mode.REPLACE
    removed: str = "keep"
    user_data_schema: str | None = None


def _findings(schema: UserSchema | None, record: Record) -> Sequence[Finding]:
    if schema is None:
        return ()
    return schema.findings(record.wanted, structured=record.structured)


def _placed(
    tree: Tree, file: str, found: dict[Address, tuple[Record, Sequence[Finding]]]
) -> Iterator[Problem]:
    """Findings as problems at the values they are about, for which the file is read once more."""
    text = tree.text(file)
    for entry in parse(file, text) if isinstance(text, str) else ():
        if isinstance(entry, Entry):
            address = Address(entry.kind, entry.sid.text.lower())
            for finding in found.pop(address, (None, ()))[1]:
                node = descend(entry.body, (MANAGED_FIELD, *finding.path))
                yield _problem(address, entry.source(node.mark), finding)
    # A file that somebody is writing to: what was judged stays judged.
    for address, (record, findings) in found.items():
        for finding in findings:
            yield _problem(address, record.source, finding)


def _problem(address: Address, where: Source, finding: Finding) -> Problem:
    about = f"{address}/{MANAGED_FIELD}{''.join(f'/{step}' for step in finding.path)}"
    return Problem(where, "user-schema", finding.message, about=about)


def _too_long(record: Record, most: int) -> Problem:
    held = describe_length(record.wanted)
    message = f"{MANAGED_FIELD} has {held}; {FILE} allows {most:,} characters"
    return Problem(record.source, "too-long", message, about=str(record.address))
