"""Whole outputs against golden files.

`UPDATE_GOLDEN=1 make test` writes them anew; the difference is then for a person to judge.
"""

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def check(name: str, shown: str) -> None:
    """Compares an output with the file of that name."""
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(shown.encode())

    assert shown == golden.read_bytes().decode()
