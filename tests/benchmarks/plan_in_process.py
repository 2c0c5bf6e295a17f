"""The whole way of 10,000 records with everything in one process."""

import tempfile

from benchmarks.measure import reconciler

RECORDS = 10_000


def main() -> None:
    """10,000 records planned in process against the sandbox, 1 % drifted: under 200 MB."""
    half = str(RECORDS // 2)  # of each of the two kinds
    with tempfile.TemporaryDirectory() as folder:
        seed = ("sandbox", "seed", "--records", half, "--drift", "0.01", "--out", "manifests")
        reconciler(*seed, folder=folder)
        figures = reconciler("plan", "--sandbox", folder=folder)
    print(f"  plan --sandbox {figures}")
    print(f"  {figures.output.splitlines()[-3]}")
