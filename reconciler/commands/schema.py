"""`reconciler schema`: print a published JSON Schema."""

from pathlib import Path

from reconciler.commands import Terminal
from reconciler.errors import ExitCode

# Beside the package in a checkout, inside it in a wheel.
_PACKAGE = Path(__file__).parent.parent
_FOLDERS = (_PACKAGE / "schemas", _PACKAGE.parent / "schemas")


def run(name: str, terminal: Terminal) -> ExitCode:
    """Prints `manifest`, `plan` or `result`."""
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    terminal.write([(folder / f"{name}.schema.json").read_text("utf-8")])
    return ExitCode.OK
