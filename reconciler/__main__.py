"""The start of the process: `reconciler`, and `python -m reconciler`, which is the same."""

import os
import signal
import sys

_BOTH = (signal.SIGINT, signal.SIGTERM)


def run() -> int:
    """Runs the command line of the process and returns its exit code.

    A signal during the imports, or while Python shuts down, ends the process without a traceback:
    there is no code of ours yet, or any more, that could handle it.
    """
    for number in _BOTH:
        # A shell ignores Ctrl-C for a command in the background: that is kept.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    from reconciler.cli.main import main

    code = main()
    for number in _BOTH:
        signal.signal(number, signal.SIG_IGN)
    # A KeyboardInterrupt inside the `exec` of a text, as namedtuple uses it, leaves a mark in
    # CPython, which would end the process by SIGINT at its exit, although it was handled (3.11,
    # pythonrun.c, run_eval_code_obj). The next `exec` of a text removes the mark.
    exec("")  # noqa: S102  an empty text of our own
    return code


def _leave(number: int, _: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(run())
