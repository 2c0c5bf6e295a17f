"""100,000 records: fmt, many targets and the default base, each against the run without it."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Figures, reconciler

RECORDS = 100_000
TARGETS = 10_000
FILES = 100
RUNS = 3


def main() -> None:
    """100,000 records in 100 files: fmt under 3, targets under 1.2, the base under 1.3 times."""
    with tempfile.TemporaryDirectory() as folder:
        _repository(Path(folder))
        _formatting(folder)
        _targets(folder)
        _base(folder)


def _formatting(folder: str) -> None:
    os.environ["RECONCILER_NO_CACHE"] = "1"
    validated = _quickest(lambda: reconciler("validate", folder=folder))
    checked = _quickest(lambda: reconciler("fmt", "--check", folder=folder))
    del os.environ["RECONCILER_NO_CACHE"]
    print(f"  validate, no cache     {validated}")
    print(f"  fmt --check, no cache  {checked}")
    _ratio(checked, validated, 3)
    reconciler("fmt", "--check", folder=folder)
    again = _quickest(lambda: reconciler("fmt", "--check", folder=folder))
    print(f"  fmt --check again      {again}")


def _targets(folder: str) -> None:
    plan = ("plan", "--sandbox", "--base", "none")
    whole = _quickest(lambda: reconciler(*plan, folder=folder))
    part = _quickest(lambda: reconciler(*plan, "--target-file", "targets.txt", folder=folder))
    print(f"  plan                   {whole}")
    print(f"  --target-file, 10,000  {part}")
    _ratio(part, whole, 1.2)


def _base(folder: str) -> None:
    without = _quickest(lambda: reconciler("plan", "--sandbox", "--base", "none", folder=folder))
    default = _quickest(lambda: reconciler("plan", "--sandbox", folder=folder))
    assert "Compared with" in default.output
    print(f"  plan --base none       {without}")
    print(f"  plan, default base     {default}")
    _ratio(default, without, 1.3)


def _ratio(one: Figures, other: Figures, most: float) -> None:
    print(f"  {one.cpu_seconds / other.cpu_seconds:.2f} times the processor time (at most {most})")


def _quickest(measured: Callable[[], Figures]) -> Figures:
    return min((measured() for _ in range(RUNS)), key=lambda figures: figures.cpu_seconds)


def _repository(folder: Path) -> None:
    """A repository whose commit was applied to the sandbox, and a file of targets."""
    sids = sorted(f"{n * 7919 % 2**32:08x}-0000-4000-8000-{n:012x}" for n in range(RECORDS))
    share = RECORDS // FILES
    (folder / "manifests").mkdir()
    for number in range(FILES):
        rows = "".join(
            f'  {sid}:\n    user_data:\n      campaign: spring\n      ticket: "OPS-{sid[:4]}"\n'
            for sid in sids[number * share : (number + 1) * share]
        )
        (folder / f"manifests/{number:03}.yaml").write_text(f"messages:\n{rows}", "utf-8")
    (folder / "targets.txt").write_text(
        "".join(f"messages/{sid}\n" for sid in sids[:: RECORDS // TARGETS]), "utf-8"
    )
    (folder / ".gitignore").write_text(".reconciler\n", "utf-8")
    reconciler("sandbox", "seed", "--manifests", "manifests", folder=str(folder))
    for arguments in (
        ("init", "--quiet"),
        ("add", "--all"),
        ("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "-m", "base"),
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    reconciler("apply", "--sandbox", "--auto-approve", folder=str(folder))
