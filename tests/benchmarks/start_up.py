"""How long the first word takes."""

from statistics import median

from benchmarks.measure import python, reconciler

RUNS = 15


def main() -> None:
    """`reconciler --help` against `import click`: at most 2.5 times."""
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(reconciler("--help").wall_seconds)
        theirs.append(python("import click").wall_seconds)
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    print(f"  reconciler --help {median(ours) * 1000:6.0f} ms")
    print(f"  import click      {median(theirs) * 1000:6.0f} ms")
    print(f"  ratio             {ratio:6.2f}")
