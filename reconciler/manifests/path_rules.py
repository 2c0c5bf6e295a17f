"""The rules of reconciler.yaml + records -> problems, and the options that apply to each record."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct, structs

from reconciler.errors import ProblemsError
from reconciler.kinds import MANAGED_FIELD
from reconciler.manifests.discovery import Tree
from reconciler.manifests.globs import Globs
from reconciler.manifests.nodes import descend
from reconciler.manifests.parser import Entry, parse
from reconciler.manifests.rule_catalog import RULES, severity
from reconciler.manifests.settings import FILE, Settings, locate
from reconciler.manifests.user_schemas.json_schema import Finding, UserSchema
from reconciler.model import Address, Mode, Problem, Record, Severity, Source
from reconciler.values.canonical import describe_length, structure
from reconciler.values.json_pointer import to_pointer
from reconciler.wording import plural


class Rules:
    """The rules of reconciler.yaml: for each option, the last matching rule that sets it wins.

    Raises ProblemsError if a schema that a rule names cannot be used.
    """

    def __init__(self, settings: Settings, tree: Tree) -> None:
        self._tree = tree
        self._max_chars = settings.limits.user_data_max_chars
        self._rules = settings.rules
        self._schemas = _schemas(settings, tree)
        self._globs = tuple(Globs(rule.paths) for rule in settings.rules)
        self._by_file: dict[str, _FileOptions] = {}

    def check(self, records: Iterable[Record]) -> list[Problem]:
        """A problem for each text above the limit and each value that its schema does not allow."""
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

    def rule_warnings(self, files: Iterable[str]) -> Iterator[Problem]:
        """Warnings about the rules: those that match no file, and those that override another.

        `files` are the names of all manifests.
        """
        for schema in self._schemas.values():
            yield from schema.warnings
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
            message = (
                f"rule {late + 1} overrides rule {early + 1} for {plural(count, 'file')}: they set "
                f"different values of `{name}`, and the last rule wins"
            )
            yield self._odd(late, "overruled", message)

    def redact_messages(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems to show, without warnings that a rule allows.

        A message that may quote a sensitive value becomes the text of its rule.
        """
        for problem in problems:
            options = self._for_file(problem.source.file)
            if problem.severity is Severity.WARNING and problem.rule in options.allow:
                continue
            name = options.user_data_schema
            quotes = (
                problem.rule in _RULES_THAT_QUOTE_VALUES
                and name is not None
                and self._schemas[name].hides
            )
            yield structs.replace(problem, message=RULES[problem.rule]) if quotes else problem

    def hides(self, file: str) -> bool:
        """Whether the schema of a file marks anything as sensitive."""
        name = self._for_file(file).user_data_schema
        return name is not None and self._schemas[name].hides

    def mode(self, record: Record) -> Mode:
        """Whether git owns the whole field of a record, or only its own keys."""
        return self._for(record).mode

    def clears(self, record: Record) -> bool:
        """Whether a record is cleared when it is removed from git."""
        return self._for(record).removed == "clear"

    def sensitive(self, record: Record, *texts: str | None) -> tuple[str, ...] | None:
        """The JSON Pointers to redact in any of these texts of a record, sorted.

        Returns None if the schema marks nothing as sensitive. Returns `("",)`, the whole value, if
        a text does not match the schema, or is not a mapping and has no marked path: the secret may
        be anywhere in it.
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

    def _for(self, record: Record) -> "_FileOptions":
        return self._for_file(record.source.file)

    def _for_file(self, file: str) -> "_FileOptions":
        if file not in self._by_file:
            self._by_file[file] = self._in_force(file)
        return self._by_file[file]

    def _in_force(self, file: str) -> "_FileOptions":
        said: dict[str, Any] = {}
        for number in self._matching(file):
            rule = self._rules[number]
            said |= {name: value for name in _OPTIONS if (value := getattr(rule, name)) is not None}
        return _FileOptions(**said)

    def _matching(self, file: str) -> list[int]:
        # fnmatchcase and not pathlib: its `*` matches `/` too, as `Rule.paths` promises.
        return [number for number, globs in enumerate(self._globs) if globs.matching(file)]

    def _odd(self, number: int, rule: str, message: str) -> Problem:
        return Problem(locate(self._tree, "rules", number), rule, message, severity(rule))

    def _overruled(self, numbers: Sequence[int]) -> Iterator[tuple[int, int, str]]:
        """(index, later index, option) for each option that two rules set to different values."""
        for name in _OPTIONS:
            saying = [n for n in numbers if getattr(self._rules[n], name) is not None]
            for early, late in pairwise(saying):
                if getattr(self._rules[early], name) != getattr(self._rules[late], name):
                    yield early, late, name


def _schemas(settings: Settings, tree: Tree) -> dict[str, UserSchema]:
    """The schemas of all rules by name. Raises ProblemsError with every problem of all of them."""
    schemas: dict[str, UserSchema] = {}
    problems: list[Problem] = []
    for number, rule in enumerate(settings.rules):
        name = rule.user_data_schema
        if name is None or name in schemas:
            continue
        try:
            schemas[name] = UserSchema(tree, name)
        except ProblemsError as error:
            place = locate(tree, "rules", number, "user_data_schema")
            named = f" (named at {place.file}:{place.line}:{place.column})"
            problems += (
                structs.replace(problem, message=problem.message + named)
                if problem.rule == "unreadable-file"
                else problem
                for problem in error.problems
            )
    if problems:
        raise ProblemsError(sorted(problems, key=lambda problem: problem.source))
    return schemas


# Rules with messages that quote the manifest, and so perhaps a sensitive value.
_RULES_THAT_QUOTE_VALUES = frozenset(("alias", "doubtful", "key", "null", "tag", "type"))

# The options that a rule can set for a file.
_OPTIONS = ("mode", "removed", "user_data_schema", "allow")


class _FileOptions(Struct, frozen=True):
    """The options that apply to one file."""

    mode: Mode = Mode.REPLACE
    """Whether git owns the whole field of a record, or only its own keys."""
    removed: str = "keep"
    """`keep` or `clear`: what happens to a record that is removed from git."""
    user_data_schema: str | None = None
    """The file of the schema for user_data; None if no rule names one."""
    allow: tuple[str, ...] = ()
    """Rules of warnings that are not shown."""


def _findings(schema: UserSchema | None, record: Record) -> Sequence[Finding]:
    if schema is None:
        return ()
    return schema.findings(record.wanted, structured=record.structured)


def _placed(
    tree: Tree, file: str, found: dict[Address, tuple[Record, Sequence[Finding]]]
) -> Iterator[Problem]:
    """Findings as problems at the place of the value, for which the file is parsed again.

    Records do not keep the places of their parts: only few files have findings.
    """
    text = tree.text(file)
    for entry in parse(file, text) if isinstance(text, str) else ():
        if isinstance(entry, Entry):
            address = Address(entry.kind, entry.sid.text.lower())
            for finding in found.pop(address, (None, ()))[1]:
                node = descend(entry.body, (MANAGED_FIELD, *finding.path))
                yield _problem(address, entry.source(node.mark), finding)
    # If the file was changed meanwhile, a record may be missing. Its findings are still reported.
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
