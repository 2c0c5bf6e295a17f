"""Coverage-guided fuzzing of what reads bytes of strangers: `make fuzz`, bounded in time.

Whatever the bytes, there is a problem, a refusal or a result; any exception is a finding, and
atheris leaves its input in a file.
"""

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["reconciler"]):
    from reconciler.client import api
    from reconciler.client.transport import Response
    from reconciler.errors import PlanFileError
    from reconciler.manifests.discovery import bad_character
    from reconciler.manifests.formatter import LayoutError, format_manifest
    from reconciler.manifests.loader import parse_records
    from reconciler.model import Address, Problem
    from reconciler.planning import plan_file
    from reconciler.values.canonical import structure

ADDRESS = Address("messages", "097b49df-c54e-4eaf-97d0-89cf7d5a655b")
JSON = {"content-type": "application/json"}


def manifest(data: bytes) -> None:
    """Records and problems, from YAML and from JSON."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    for file in ("m.yaml", "m.json"):
        if bad_character(file, text) is None:
            list(parse_records(file, text))


def plan(data: bytes) -> None:
    """A plan or a refusal."""
    with suppress(PlanFileError):
        plan_file.read(data, "plan.json")


def answer(data: bytes) -> None:
    """What an answer holds, and what it means."""
    api.current(ADDRESS, Response(200, JSON, data))
    api.stored(ADDRESS, Response(200, JSON, data))
    api.reason(Response(500, JSON, data))
    structure(data.decode("latin-1"))


def layout(data: bytes) -> None:
    """The canonical layout, twice the same, or a refusal."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    if bad_character("m.yaml", text) is not None:
        return
    if any(isinstance(item, Problem) for item in parse_records("m.yaml", text)):
        return
    with suppress(LayoutError):
        once = format_manifest("m.yaml", text)
        assert format_manifest("m.yaml", once) == once


TARGETS = {"manifest": manifest, "plan": plan, "answer": answer, "layout": layout}


if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
