"""What the drivers have in common: their options and the line that they print."""

import argparse
import json
import os
import pathlib
import time
from collections.abc import Sequence

MILLISECONDS = 1e3


def options(about: str | None, strategies: Sequence[str]) -> argparse.ArgumentParser:
    """The options that name a stream, a network and a way to train it."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--strategy", choices=strategies, default=strategies[0])
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument(
        "--samples", type=int, default=1000, help="training images a task"
    )
    parser.add_argument("--network", default="mlp:100x100", help="hidden widths")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        default=os.environ.get("PERENNIAL_DATA", "."),
        help="the folder with `mnist` in it [default: PERENNIAL_DATA]",
    )
    return parser


def not_installed(missing: ImportError) -> SystemExit:
    """What ends a driver whose package is missing."""
    return SystemExit(
        f"Python's package {missing.name} is missing: "
        "pip install -r bench/side_by_side/requirements.txt"
    )


def hidden(network: str) -> list[int]:
    """The hidden widths in `mlp:100x100`."""
    try:
        return [int(width) for width in network.removeprefix("mlp:").split("x")]
    except ValueError:
        raise SystemExit(
            f"--network {network} names no widths: it must look like mlp:100x100"
        ) from None


def steps(tasks: int, samples: int, batch: int) -> int:
    """Steps in all; a task's last batch may be smaller."""
    return tasks * -(-samples // batch)


def seconds_since_start() -> float:
    """Seconds since this process began, imports included."""
    fields = pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # field 22: starttime
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def tell(train_seconds: float, steps: int, eval_seconds: float, acc: float) -> None:
    """Prints the one line that a measurement is."""
    line = {
        "ms_per_step": MILLISECONDS * train_seconds / steps,
        "eval_seconds": eval_seconds,
        "whole_seconds": seconds_since_start(),
        "acc": acc,
    }
    print(json.dumps(line))
