"""Perennial, Avalanche and a hand-written PyTorch loop on the same streams, one after
another, some times; then bench/RESULTS.md. What was measured is kept: the same command
goes on where it was interrupted."""

import importlib.metadata
import json
import os
import pathlib
import sys

import floors
import jobs
import ours
import process
import results
from records import Records

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
TIMES = ("ms_per_step", "eval_seconds", "seconds")
PACKAGES = ("torch", "torchvision", "avalanche-lib", "numpy", "quadprog")
SQUARE = 2048  # of the large product: long enough to be at the full rate
SQUARE_QUICK = 256
LARGE = 1 << 26  # floats of a vector, 256 MiB: larger than caches
LARGE_QUICK = 1 << 20


def main() -> None:
    parser = ours.options(__doc__)
    parser.add_argument("--pairs", type=int, help="[default: 5, or 1 with --quick]")
    parser.add_argument(
        "--only",
        action="append",
        choices=["machine", *(job.name for job in jobs.jobs(False))],
        help="measure this job alone; may be given again",
    )
    given = parser.parse_args()
    versions = packages()
    perennial = ours.Perennial.given(given)
    out = ours.out(given)
    pairs = range(given.pairs or (1 if given.quick else 5))
    records = Records(out / "side_by_side.jsonl", perennial.digest())
    results.write_sitting(out, perennial, versions)
    table = jobs.jobs(given.quick)
    if not given.only or "machine" in given.only:
        for pair in pairs:
            for threads in counts():
                key = {"job": "machine", "threads": threads, "pair": pair}
                records.once(key, machine, table, threads, given.quick)
    for job in table:
        if not given.only or job.name in given.only:
            for pair in pairs:
                measure_pair(records, perennial, job, pair, given.threads)
    print(results.write(out, given.quick, perennial.digest()))


def packages() -> dict[str, str]:
    """Versions of the peers and of what they need."""
    try:
        return {name: importlib.metadata.version(name) for name in PACKAGES}
    except importlib.metadata.PackageNotFoundError as missing:
        raise SystemExit(
            f"Python's package {missing.name} is missing: "
            "pip install -r bench/side_by_side/requirements.txt"
        ) from None


def counts() -> list[int]:
    """One thread, and one for each core: small work is often faster on one."""
    return sorted({1, os.cpu_count() or 1})


def measure_pair(
    records: Records,
    perennial: ours.Perennial,
    job: jobs.Job,
    pair: int,
    own_threads: int,
) -> None:
    """Every system once, in turn; every other time in the opposite order."""
    turns = [("perennial", own_threads)]
    for system in job.peers:
        turns += [(system, threads) for threads in faster(records, job.name, system)]
    for system, threads in turns if pair % 2 == 0 else reversed(turns):
        key = {"job": job.name, "system": system, "threads": threads, "pair": pair}
        if system == "perennial":
            records.once(key, perennial.measure, job.cell, threads)
        else:
            driver, *options = job.peers[system]
            command = [sys.executable, str(PEERS / driver), *options]
            records.once(key, peer, command, threads, perennial.data)


def faster(records: Records, job: str, system: str) -> list[int]:
    """The numbers of threads with which a peer was faster in anything when it was first
    measured; all of them before."""
    first = records.of(job=job, system=system, pair=0)
    if {record["threads"] for record in first} < set(counts()):
        return counts()
    timed = [time for time in TIMES if time in first[0]]
    best = [min(first, key=lambda record, of=time: record[of]) for time in timed]
    return sorted({record["threads"] for record in best})


def peer(command: list[str], threads: int, data: pathlib.Path) -> dict:
    """A record of one run of a driver."""
    where = {"PERENNIAL_DATA": str(data)}
    finished = process.run([*command, "--threads", str(threads)], threads, where)
    return finished.last_line() | finished.cost()


def machine(table: list[jobs.Job], threads: int, quick: bool) -> dict:
    """A record of what the machine can do, in the sizes of these jobs."""
    measured = [job for job in table if not job.starts]
    works = [work for job in measured for work in (job.step(), job.evaluation())]
    sizes = {size for work in works for size in work.products}
    lengths = {floors.parameters(job.cell.network) for job in measured}
    lengths.add(LARGE_QUICK if quick else LARGE)
    command = [
        *(sys.executable, str(PEERS.with_name("machine.py"))),
        *("--threads", str(threads)),
        *("--square", str(SQUARE_QUICK if quick else SQUARE)),
        *("--products", json.dumps(sorted(sizes))),
        *("--lengths", json.dumps(sorted(lengths))),
    ]
    finished = process.run(command, threads)
    return finished.last_line() | finished.cost()


if __name__ == "__main__":
    main()
