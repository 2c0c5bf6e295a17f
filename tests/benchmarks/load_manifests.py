"""Manifests -> records, against a generic loader and a validator for each record."""

import random
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Figures, python

RECORDS = 100_000
MANY = 1_000_000
SMALL_FILES = 10_000

GENERIC = """
import sys, time, yaml, jsonschema, json
start = time.perf_counter()
schema = json.load(open(sys.argv[2]))
record = {"$ref": "#/$defs/record", "$defs": schema["$defs"]}
validator = jsonschema.Draft202012Validator(record)
for kind, records in yaml.load(open(sys.argv[1]), yaml.CSafeLoader).items():
    for sid, body in records.items():
        for error in validator.iter_errors(body):
            raise SystemExit(error)
print(time.perf_counter() - start)
"""

OURS = """
import sys, time
from pathlib import Path
from reconciler.manifests.cache import Cache
from reconciler.manifests.discovery import Tree
from reconciler.manifests.loader import load
cache = Cache(Path(sys.argv[2])) if len(sys.argv) > 2 else None
start = time.perf_counter()
loaded = load(Tree(Path.cwd()), [sys.argv[1]], cache=cache)
print(time.perf_counter() - start)
"""

SCHEMA = str(Path(__file__).parents[2] / "schemas/manifest.schema.json")


def main() -> None:
    """Load: 8 times a generic loader at a quarter of its memory; from the cache 5 times more."""
    with manifests(RECORDS) as (one, folder):
        rounds = [(_run(OURS, one), _run(GENERIC, one, SCHEMA)) for _ in range(3)]
        ours, generic = min(a for a, _ in rounds), min(b for _, b in rounds)
        _say("ours, 100,000 records", ours)
        _say("CSafeLoader and a validator a record", generic)
        print(
            f"    {generic[0] / ours[0]:.1f} times faster, {ours[1] / generic[1]:.2f} of its memory"
        )
        _run(OURS, one, f"{folder}/cache")
        cached = min(_run(OURS, one, f"{folder}/cache") for _ in range(3))
        _say("ours, from the cache", cached)
        print(f"    {ours[0] / cached[0]:.1f} times faster again")
    with manifests(MANY) as (one, _):
        million = _run(OURS, one)
        _say("ours, 1,000,000 records", million)
        print(f"    {million[0] / ours[0]:.1f} times the time of 100,000")
    with manifests(SMALL_FILES) as (one, folder):
        together = min(_run(OURS, one) for _ in range(3))
        split(Path(one), Path(folder) / "small")
        apart = min(_run(OURS, f"{folder}/small") for _ in range(3))
        _say("ours, 10,000 records in one file", together)
        _say("ours, 10,000 files of one record", apart)
        print(f"    {apart[0] / together[0]:.1f} times the time of one file")


@contextmanager
def manifests(count: int) -> Iterator[tuple[str, str]]:
    """A file of so many records, and the folder it is in."""
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.yaml"
        with path.open("w") as stream:
            stream.write("messages:\n")
            for number in range(count):
                sid = uuid.UUID(int=dice.getrandbits(128), version=4)
                data = f'{{campaign: spring, owner: team-a, ticket: "OPS-{number % 1000}"}}'
                stream.write(f"  {sid}:\n    user_data: {data}\n")
        yield str(path), folder


def split(path: Path, folder: Path) -> None:
    """A file for each record of a manifest."""
    folder.mkdir()
    lines = path.read_text().splitlines(keepends=True)
    for number in range(1, len(lines), 2):
        record = lines[0] + lines[number] + lines[number + 1]
        (folder / f"{number:06d}.yaml").write_text(record)


def _run(code: str, *arguments: str) -> tuple[float, float]:
    """Seconds of the work itself, and MB of the whole process."""
    figures: Figures = python(code, *arguments)
    return float(figures.output), figures.peak_mb


def _say(what: str, figures: tuple[float, float]) -> None:
    print(f"  {what:38} {figures[0]:7.2f} s {figures[1]:6.0f} MB")
