"""`reconciler schema`: print a published JSON Schema."""

from reconciler import resources
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode


def run(name: str, terminal: Terminal) -> ExitCode:
    """Prints `manifest`, `plan` or `result`."""
    terminal.write([resources.read("schemas", f"{name}.schema.json")])
    return ExitCode.OK
