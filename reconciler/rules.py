"""The rules of reconciler.yaml + records -> what they have against them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from reconciler.config import FILE, Settings
from reconciler.kinds import MANAGED_FIELD
from reconciler.manifest import Entry, parse
from reconciler.model import Address, Problem, Record, Source
from reconciler.nodes import descend
from reconciler.texts import read_text
from reconciler.userschema import Finding, Sensitive, UserSchema


class Rules:
    """The rules in force; a record is governed by the last one that names a schema for its file."""

    def __init__(self, settings: Settings) -> None:
        self._max_chars = settings.limits.user_data_max_chars
        self._globs: list[tuple[tuple[str, ...], UserSchema]] = [
            (rule.paths, UserSchema(Path(rule.user_data_schema)))
            for rule in settings.rules
            if rule.user_data_schema is not None
        ]
        self._by_file: dict[str, UserSchema | None] = {}

    def check(self, records: Iterable[Record]) -> list[Problem]:
        """Everything that the rules have against the records."""
        problems: list[Problem] = []
        found: dict[str, dict[Address, tuple[Record, Sequence[Finding]]]] = {}
        for record in records:
            if self._max_chars is not None and len(record.wanted or "") > self._max_chars:
                problems.append(_too_long(record, self._max_chars))
            schema = self._schema_for(record.source.file)
            findings = schema.findings(record) if schema is not None else ()
            if findings:
                found.setdefault(record.source.file, {})[record.address] = (record, findings)
        for file, by_address in found.items():
            problems += _placed(file, by_address)
        return problems

    def sensitive(self, record: Record) -> Sensitive:
        """Where the record's schema marks a value with `writeOnly`."""
        schema = self._schema_for(record.source.file)
        return schema.sensitive(record) if schema is not None else frozenset()

    def _schema_for(self, file: str) -> UserSchema | None:
        if file not in self._by_file:
            # However the file was named: the globs are those of the tree.
            path = os.path.relpath(file)
            matching = [
                schema
                for globs, schema in self._globs
                if any(fnmatchcase(path, glob) for glob in globs)
            ]
            self._by_file[file] = matching[-1] if matching else None
        return self._by_file[file]


def _placed(file: str, found: dict[Address, tuple[Record, Sequence[Finding]]]) -> Iterator[Problem]:
    """Findings as problems at the values they are about, for which the file is read once more."""
    text = read_text(Path(file))
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
    text = record.wanted or ""
    units = f"{len(text.encode()):,} bytes, {len(text.encode('utf-16-le')) // 2:,} UTF-16 units"
    message = (
        f"{MANAGED_FIELD} has {len(text):,} characters ({units}); {FILE} allows {most:,} characters"
    )
    return Problem(record.source, "too-long", message, about=str(record.address))
