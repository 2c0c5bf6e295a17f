"""A pull request that changes 20 records, in a small repository and in a large one."""

import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import Figures, reconciler

CHANGED = 20
FILES = 500
RECORDS_A_FILE = 100
RUNS = 3


def main() -> None:
    """`plan --since` with 20 changed of 50,000 records in 500 files: 20 reads, under 3 times."""
    small = _plan(files=1, records=CHANGED)
    large = _plan(files=FILES, records=RECORDS_A_FILE)
    ratio = large.wall_seconds / small.wall_seconds
    print(f"  20 of 20      {small}")
    print(f"  20 of 50,000  {large}")
    print(f"  {ratio:.2f} times the wall time (at most 3)")
    print("  " + next(line for line in large.output.splitlines() if line.startswith("Checked")))


def _plan(*, files: int, records: int) -> Figures:
    """The quickest of a few plans."""
    with tempfile.TemporaryDirectory() as folder:
        per_kind = str(files * records // 2)
        seed = ("--records", per_kind, "--drift", "0", "--out", "all")
        reconciler("sandbox", "seed", *seed, folder=folder)
        _split(Path(folder), files)
        _git("init", "--quiet", folder=folder)
        _git("add", "manifests", folder=folder)
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        _git(*identity, "commit", "--quiet", "-m", "base", folder=folder)
        _change(Path(folder))
        plan = ("plan", "--sandbox", "--since", "HEAD", "--read", "each")
        runs = [reconciler(*plan, folder=folder) for _ in range(RUNS)]
    return min(runs, key=lambda figures: figures.wall_seconds)


def _split(folder: Path, files: int) -> None:
    """Spreads the seeded manifests over so many files."""
    rows: list[tuple[str, str]] = []
    for path in sorted((folder / "all").rglob("*.yaml")):
        kind = ""
        for line in path.read_text("utf-8").splitlines():
            if line and not line.startswith((" ", "#")):
                kind = line
            elif line.startswith("  ") and not line.startswith("   "):
                rows.append((kind, line))
            elif rows and line:
                rows[-1] = (kind, f"{rows[-1][1]}\n{line}")
    (folder / "manifests").mkdir()
    share = -(-len(rows) // files)
    for number in range(files):
        text, last = "", ""
        for kind, row in sorted(rows[number * share : (number + 1) * share]):
            text += (f"{kind}\n" if kind != last else "") + f"{row}\n"
            last = kind
        (folder / f"manifests/{number}.yaml").write_text(text, "utf-8")


def _change(folder: Path) -> None:
    """Another value for 20 records, spread over the files."""
    files = sorted((folder / "manifests").iterdir())
    each = -(-CHANGED // len(files))
    for path in files[:CHANGED]:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        wanted = [n for n, line in enumerate(lines) if "user_data" in line][:each]
        for number in wanted:
            lines[number] = "    user_data: changed\n"
            following = number + 1
            while following < len(lines) and lines[following].startswith("      "):
                lines[following] = ""
                following += 1
        path.write_text("".join(lines), "utf-8")


def _git(*arguments: str, folder: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)
