"""Paths -> the records of all manifests, or every problem at once."""

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
    """All records by address, in the order of the files; warnings; how many files there were."""

    records: dict[Address, Record]
    warnings: tuple[Problem, ...]
    files: int


class Manifests(Struct, frozen=True):
    """Where the records are written, what reconciler.yaml says of them, where they are cached."""

    tree: Tree
    names: tuple[str, ...]
    settings: Settings = Settings()
    cache: Cache | None = None

    @property
    def narrowed(self) -> tuple[str, ...]:
        """The names, where they are not those of reconciler.yaml."""
        configured = tuple(map(self.tree.name, self.settings.manifests))
        return () if self.names == configured else self.names

    def load(self, rules: Rules | None = None) -> Loaded:
        """All records; ProblemsError with every problem of every file and of reconciler.yaml."""
        rules = Rules(self.settings, self.tree) if rules is None else rules
        loaded = load(self.tree, self.names, rules, self.cache)
        files = dict.fromkeys(record.source.file for record in loaded.records.values())
        advice = tuple(rules.advice(files))
        return structs.replace(loaded, warnings=(*loaded.warnings, *advice)) if advice else loaded


def load(
    tree: Tree, names: Sequence[str], rules: Rules | None = None, cache: Cache | None = None
) -> Loaded:
    """All records in the named files and folders.

    Raises ProblemsError with every problem of every file, by place; no record at all is one.
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
    if rules is not None:
        problems = list(rules.discreet(problems))
    if is_error(problems):
        raise ProblemsError(sorted(problems, key=lambda problem: problem.source))
    return Loaded(records, tuple(problems), files)


def no_records(names: Sequence[str]) -> Problem:
    """What an empty tree is: a mistake far more often than a wish."""
    named = names[0] if names else "."
    return Problem(Source(named, 1, 1), "empty", "holds no records: is it the right folder?")


def read_records(tree: Tree, name: str, cache: Cache | None = None) -> Iterator[Record | Problem]:
    """The records and problems of one file, as they come."""
    text = tree.text(name)
    if isinstance(text, Problem):
        yield text
    else:
        yield from cached_records(name, text, cache)


def cached_records(file: str, text: str, cache: Cache | None) -> Iterator[Record | Problem]:
    """The same for a text that was read: from the cache, or into it where it has no problem."""
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
    """The records and problems of a manifest's text, as they come."""
    told: set[tuple[Source, str]] = set()  # an alias brings the same place again and again
    for item in parse(file, text):
        if isinstance(item, Problem):
            yield item
            continue
        record, problems = validate_entry(item)
        for problem in problems:
            if (problem.source, problem.rule) not in told:
                told.add((problem.source, problem.rule))
                yield problem
        if record is not None:
            yield record


@contextmanager
def collector_paused() -> Generator[None]:
    """Loads without the cyclic garbage collector.

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
