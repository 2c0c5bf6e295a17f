"""Files and folders -> the records of all manifests, or every problem at once."""

import gc
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct, structs

from reconciler.errors import ProblemsError
from reconciler.manifests import cache as cached
from reconciler.manifests.cache import Cache
from reconciler.manifests.discovery import Tree
from reconciler.manifests.parser import parse
from reconciler.manifests.path_rules import Rules
from reconciler.manifests.settings import Settings
from reconciler.manifests.validation import collect_records, is_error, validate_entry
from reconciler.model import Address, Problem, Record, Source


class Loaded(Struct, frozen=True):
    """The result of loading manifests without an error."""

    records: dict[Address, Record]
    """All records by address, in the order of the files."""
    warnings: tuple[Problem, ...]
    """Problems that do not stop the run."""
    files: int
    """The number of files that were read."""


class Manifests(Struct, frozen=True):
    """Where the manifests are, and how to load them."""

    tree: Tree
    """The project's root folder."""
    names: tuple[str, ...]
    """The files and folders to load, by their names in `tree`."""
    settings: Settings = Settings()
    """The settings of reconciler.yaml."""
    cache: Cache | None = None
    """Records of manifests that were parsed before; None if the cache is off."""
    environment: str | None = None
    """The environment whose manifests these are (--env); None without one."""

    @property
    def narrowed(self) -> tuple[str, ...]:
        """`names` if they are not those of reconciler.yaml; otherwise empty."""
        configured = tuple(map(self.tree.name, self.settings.manifests))
        return () if self.names == configured else self.names

    def load(self, rules: Rules | None = None) -> Loaded:
        """All records, with the warnings about the rules of reconciler.yaml.

        Raises ProblemsError with every problem of every file, or of a schema that a rule names.
        """
        rules = Rules(self.settings, self.tree) if rules is None else rules
        loaded = load(self.tree, self.names, rules, self.cache)
        files = dict.fromkeys(record.source.file for record in loaded.records.values())
        rule_warnings = tuple(rules.rule_warnings(files))
        return (
            structs.replace(loaded, warnings=(*loaded.warnings, *rule_warnings))
            if rule_warnings
            else loaded
        )


def load(
    tree: Tree, names: Sequence[str], rules: Rules | None = None, cache: Cache | None = None
) -> Loaded:
    """All records in the named files and folders, checked against the rules if there are any.

    Raises ProblemsError with every problem of every file, sorted by place. It is a problem if there
    are no records at all.
    """
    files = 0

    def stream() -> Iterator[Record | Problem]:
        nonlocal files
        for found in tree.find(names):
            if isinstance(found, Problem):
                yield found
            else:
                files += 1
                yield from read_records(tree, found, cache)

    with collector_paused():
        records, problems = collect_records(stream())
        if rules is not None:
            problems += rules.check(records.values())
    if not (records or is_error(problems)):
        problems.append(no_records(names))
    # Last, so that no message quotes a value that a schema marks as sensitive.
    if rules is not None:
        problems = list(rules.redact_messages(problems))
    if is_error(problems):
        raise ProblemsError(sorted(problems, key=lambda problem: problem.source))
    return Loaded(records, tuple(problems), files)


def no_records(names: Sequence[str]) -> Problem:
    """The problem that the manifests have no records: usually a wrong path, rarely intended."""
    named = names[0] if names else "."
    return Problem(Source(named, 1, 1), "empty", "holds no records: is it the right folder?")


def read_records(tree: Tree, name: str, cache: Cache | None = None) -> Iterator[Record | Problem]:
    """The records and problems of one file, in the order of the file."""
    text = tree.text(name)
    if isinstance(text, Problem):
        yield text
    else:
        yield from cached_records(name, text, cache)


def cached_records(file: str, text: str, cache: Cache | None) -> Iterator[Record | Problem]:
    """The records and problems of a text, from the cache if it has them.

    Stores the records in the cache if the text has no problem and at least MIN_CHARS characters.
    """
    if cache is None or len(text) < cached.MIN_CHARS:
        yield from parse_records(file, text)
        return
    key = cached.key_of(text, file)
    known = cache.get(key, file)
    if known is not None:
        yield from known
        return
    kept: list[Record] = []
    whole = True
    for item in parse_records(file, text):
        if isinstance(item, Problem):
            whole = False
        else:
            kept.append(item)
        yield item
    if whole:
        cache.put(key, kept)


def parse_records(file: str, text: str) -> Iterator[Record | Problem]:
    """The records and problems of a manifest's text, in the order of the file.

    Each problem comes once: several aliases of one value report the same place and rule.
    """
    seen: set[tuple[Source, str]] = set()
    for item in parse(file, text):
        if isinstance(item, Problem):
            yield item
            continue
        record, problems = validate_entry(item)
        for problem in problems:
            if (problem.source, problem.rule) not in seen:
                seen.add((problem.source, problem.rule))
                yield problem
        if record is not None:
            yield record


@contextmanager
def collector_paused() -> Generator[None]:
    """Turns the cyclic garbage collector off while records are loaded.

    Loading makes millions of small values and no cycles. The collector would walk all of them again
    and again: with it, loading a million records takes three times as long.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
