"""Resident memory over a stream of 1,000 tasks; then bench/RESULTS.md.

The program's bars, read from a terminal of its own, say after which task it measures;
the memory of its worker is read from /proc meanwhile."""

import fcntl
import math
import os
import pathlib
import pty
import re
import select
import statistics
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Iterator

import ours
import results
import sweeps
from records import Records

# Tasks, after how many it measures, and test images a task.
STREAM = (1000, 100, 200)
STREAM_QUICK = (200, 100, 1000)
# Of a task. The program says ten times a second where it is: learning a hundred tasks,
# and an evaluation, must take longer.
SAMPLES = 500
PERIOD = 0.02  # seconds between two looks
COLUMNS = 200  # wide enough for a whole bar
BAR = re.compile(rb"task (\d+)/\d+ (epoch|measured)")
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[█░]|\s{2,}")  # what only draws
LAST_WORDS = 400  # characters of a failed program's


def main() -> None:
    parser = ours.options(__doc__)
    parser.add_argument("--only", choices=list(sweeps.STRATEGIES), action="append")
    given = parser.parse_args()
    perennial = ours.Perennial.given(given)
    out = ours.out(given)
    records = Records(out / "long_stream.jsonl", perennial.digest())
    results.write_sitting(out, perennial)
    tasks, every, evaluated = STREAM_QUICK if given.quick else STREAM
    for strategy in given.only or sweeps.STRATEGIES:
        limit = ("--eval-samples", str(evaluated))
        more = (*limit, *sweeps.STRATEGIES[strategy])
        cell = ours.Cell(strategy, tasks, SAMPLES, more=more)
        key = {"stream": "long", "strategy": strategy, "tasks": tasks}
        records.once(key, follow, perennial, cell, every, given.threads)
    print(results.write(out, given.quick, perennial.digest()))


def follow(
    perennial: ours.Perennial, cell: ours.Cell, every: int, threads: int
) -> dict:
    """A record of one run: resident bytes while it measures, by tasks so far."""
    seen: dict[int, list[int]] = {}
    peak, begun = 0, time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        command = perennial.command(cell, threads, folder, every)
        for child, after in bars(command):
            now = sum(map(resident_bytes, children(child)))
            peak = max(peak, now)
            if after is not None and now:
                # The bar may be of some tasks before.
                mark = math.ceil(after / every) * every
                seen.setdefault(mark, []).append(now)
        log = pathlib.Path(folder) / "cells" / f"{cell.strategy}-0" / "events.jsonl"
        log_bytes = log.stat().st_size
    resident = {mark: statistics.median(values) for mark, values in seen.items()}
    lacking = {every, cell.tasks} - resident.keys()
    if lacking:
        raise SystemExit(
            f"{cell.strategy} did not say in time that it measured after task "
            f"{min(lacking)}: run the same command again"
        )
    return {
        "seconds": time.perf_counter() - begun,
        "first": every,
        "resident": {str(mark): value for mark, value in sorted(resident.items())},
        "peak_bytes": peak,
        "log_bytes": log_bytes,
    }


def bars(command: list) -> Iterator[tuple[int, int | None]]:
    """Runs a command at a terminal: its process and, while it measures, how many tasks
    it had learnt when it last said so; again and again until it ends."""
    ours_end, its_end = pty.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm"}
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=its_end, env=environment
    )
    os.close(its_end)
    said, learns = b"", False
    try:
        while child.poll() is None:
            time.sleep(PERIOD)
            while select.select([ours_end], [], [], 0)[0]:
                try:
                    said = (said + os.read(ours_end, 1 << 16))[-(1 << 12) :]
                except OSError:  # the terminal of a process that has ended
                    break
            drawn = BAR.findall(said)
            learns = learns or any(what == b"epoch" for _, what in drawn)
            task, what = drawn[-1] if drawn else (b"0", b"")
            after = int(task) if learns else 0
            yield child.pid, after if what == b"measured" else None
    finally:
        child.terminate()
        child.wait()
        os.close(ours_end)
    if child.returncode != 0:
        words = ESCAPE.sub("", said.decode(errors="replace"))[-LAST_WORDS:]
        raise SystemExit(f"perennial ended with {child.returncode} and said:\n{words}")


def children(process: int) -> list[int]:
    """The processes that a process started, by any of its threads."""
    found: list[int] = []
    for thread in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += map(int, thread.read_text().split())
        except OSError:  # a thread that has ended
            continue
    return found


def resident_bytes(process: int) -> int:
    """0 for a process that has ended."""
    try:
        pages = pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
