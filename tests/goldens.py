"""Whole outputs against golden files.

`UPDATE_GOLDEN=1 make test` writes them anew; the difference is then for a person to judge.
"""

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
# Read at import: a test sees nothing of the caller's environment.
_UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))


def check(name: str, shown: str) -> None:
    """Compares an output with the file of that name."""
    golden = GOLDEN / name
    if _UPDATE:
        golden.write_bytes(shown.encode())

    assert shown == golden.read_bytes().decode()
