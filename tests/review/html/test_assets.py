"""The scripts of the report by themselves, in Node's own test runner."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")
TESTS = sorted(Path(__file__).parent.glob("assets/*.test.mjs"))


@pytest.mark.skipif(NODE is None and not os.environ.get("CI"), reason="needs node")
@pytest.mark.parametrize("script", TESTS, ids=lambda path: path.stem)
def test_the_script_passes_its_unit_tests(script: Path) -> None:
    done = subprocess.run(
        [str(NODE), "--test", str(script)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stdout
    assert "# pass 0" not in done.stdout
