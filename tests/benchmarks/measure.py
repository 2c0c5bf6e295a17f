"""Whole processes, measured by the operating system's own accounting."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple


class Figures(NamedTuple):
    """One finished process: seconds on the wall and on the processor, peak memory in MB."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str

    def __str__(self) -> str:
        return (
            f"{self.wall_seconds:7.2f} s wall {self.cpu_seconds:7.2f} s CPU {self.peak_mb:6.0f} MB"
        )


def run(command: Sequence[str], folder: str = ".") -> Figures:
    """What one command costs; it has to succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    # ru_maxrss is in KiB on Linux, in bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Figures(wall, cpu, usage.ru_maxrss * unit / 1e6, output)


def reconciler(*arguments: str, folder: str = ".") -> Figures:
    """What one command line of the tool costs."""
    return run([sys.executable, "-m", "reconciler", *arguments], folder)


def python(code: str, *arguments: str, folder: str = ".") -> Figures:
    """What a piece of Python costs, in a process of its own."""
    return run([sys.executable, "-c", code, *arguments], folder)
