"""`reconciler schema`: the name of a published JSON Schema -> its text on stdout."""

import re

import msgspec

from reconciler import resources
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode
from reconciler.kinds import KINDS

_ADDRESS = re.compile(r"\^\([a-z_|]+\)/")


def run(name: str, terminal: Terminal) -> ExitCode:
    """Prints the schema `manifest`, `plan` or `result`; returns OK."""
    terminal.write([document(name)])
    return ExitCode.OK


def document(name: str) -> str:
    """The text of a published schema, with the kinds of `kinds.py`; `make schemas` saves it."""
    schema = msgspec.json.decode(resources.read("schemas", f"{name}.schema.json"))
    if name == "manifest":
        schema["properties"] = {
            kind.name: {
                "$ref": "#/$defs/records",
                "description": f"{kind.noun.capitalize()}s: {kind.path}/{{{kind.sid_field}}}",
            }
            for kind in KINDS.values()
        }
    written = msgspec.json.encode(_with_kinds(schema))
    return msgspec.json.format(written, indent=2).decode() + "\n"


def _with_kinds(value: object) -> object:
    """The schema with lists of kinds and patterns of addresses replaced by those of `kinds.py`."""
    if isinstance(value, dict):
        return {key: _with_kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        # The schema files repeat the list of kinds: a new row in kinds.py needs no edit there.
        is_kinds = bool(value) and value[0] == next(iter(KINDS))
        return list(KINDS) if is_kinds else [_with_kinds(item) for item in value]
    if isinstance(value, str):
        return _ADDRESS.sub(f"^({'|'.join(KINDS)})/", value)
    return value
