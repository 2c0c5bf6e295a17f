"""`make bench`: runs the benchmarks, or those whose names are given, and prints their figures.

`cd tests && python -m benchmarks start_up plan_in_process`
"""

import inspect
import sys

from benchmarks import (
    apply_journal,
    choose,
    large_repository,
    load_manifests,
    plan_in_process,
    plan_rate,
    plan_since,
    plan_sweep,
    read_each,
    rendering,
    start_up,
)

BENCHMARKS = {
    "start_up": start_up.main,
    "load_manifests": load_manifests.main,
    "plan_in_process": plan_in_process.main,
    "plan_sweep": plan_sweep.main,
    "plan_since": plan_since.main,
    "plan_rate": plan_rate.main,
    "rendering": rendering.main,
    "read_each": read_each.main,
    "apply_journal": apply_journal.main,
    "choose": choose.main,
    "large_repository": large_repository.main,
}


def main(names: list[str]) -> None:
    """Runs what was asked for, in the order above."""
    unknown = set(names) - BENCHMARKS.keys()
    if unknown:
        raise SystemExit(
            f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}"
        )
    for name, benchmark in BENCHMARKS.items():
        if not names or name in names:
            print(f"{name}: {inspect.getdoc(benchmark)}")
            benchmark()
            print()


if __name__ == "__main__":
    main(sys.argv[1:])
