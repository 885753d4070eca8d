"""One task in a process of its own: python -m tests.bench.child MODULE TASK [JSON of its arguments].

Prints the task's result as JSON, with the most memory that this process ever held.  It loads as little as it
can, so that what the whole job costs is what the task costs.
"""

import importlib
import json
import os
import sys


def main(module: str, name: str, arguments: str = "{}") -> None:
    printed = os.dup(1)
    os.dup2(2, 1)  # what a task itself prints is none of the answer
    result = getattr(importlib.import_module(f"tests.bench.{module}"), name)(**json.loads(arguments))
    with open(printed, "w", encoding="utf-8") as answer:
        json.dump({**result, "peak": peak()}, answer)


def peak() -> float:
    """MiB.  Of this program alone: what `getrusage` has is also that of the process it was forked from."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
