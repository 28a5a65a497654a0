"""One process, measured: its time, its memory, and what others used meanwhile."""

import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Sequence

KIB = 1024
# Read by OpenMP, MKL and OpenBLAS when they start.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
LAST_WORDS = 2000  # characters of a failed process's errors


@dataclasses.dataclass(frozen=True)
class Finished:
    """What is known of a process that has ended."""

    output: str
    seconds: float
    peak_bytes: int
    """Of its largest process; those that it waited for count."""
    others: float
    """Share of all cores' time that other processes used meanwhile."""

    def last_line(self) -> dict:
        """The JSON document in the last line of its output."""
        return json.loads(self.output.rstrip().rpartition("\n")[2])

    def cost(self) -> dict:
        """What it cost, for a record."""
        return {
            "seconds": self.seconds,
            "peak_bytes": self.peak_bytes,
            "others": self.others,
        }


def run(
    command: Sequence[str],
    threads: int,
    environment: dict[str, str] | None = None,
) -> Finished:
    """Runs a command to its end; one that fails ends this program with its words."""
    limits = dict.fromkeys(THREADS, str(threads))
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        busy, begun = busy_seconds(), time.perf_counter()
        child = subprocess.Popen(
            command,
            stdout=output,
            stderr=errors,
            env=os.environ | limits | (environment or {}),
        )
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.terminate()
            child.wait()
            raise
        seconds = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        others = busy_seconds() - busy - usage.ru_utime - usage.ru_stime
        output.seek(0)
        errors.seek(0)
        if child.returncode != 0:
            words = " ".join(command)
            raise SystemExit(
                f"`{words}` ended with {child.returncode} and said:\n"
                f"{errors.read()[-LAST_WORDS:].strip()}"
            )
        return Finished(
            output=output.read(),
            seconds=seconds,
            peak_bytes=usage.ru_maxrss * KIB,
            others=max(others, 0.0) / (seconds * (os.cpu_count() or 1)),
        )


def busy_seconds() -> float:
    """Seconds that all cores together have worked, or waited for their host, so far."""
    first = pathlib.Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _idle, _wait, irq, softirq, steal = first.split()[1:9]
    ticks = map(int, (user, nice, system, irq, softirq, steal))
    return sum(ticks) / os.sysconf("SC_CLK_TCK")
