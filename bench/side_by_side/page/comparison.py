"""Perennial beside its peers: against the targets, and job by job."""

import dataclasses
import statistics

import jobs
from page.markdown import MEGABYTE, NOTHING, number, spread, table
from records import Records

QUANTITIES = [
    ("ms_per_step", "Milliseconds a step", 1.0),
    ("eval_seconds", "Seconds of an evaluation of 10,000 images a task", 1.0),
    ("seconds", "Seconds of the whole run, with both evaluations", 1.0),
    ("peak_bytes", "Peak memory, MB", MEGABYTE),
    ("acc", "Accuracy over all tasks in the end", None),
]


@dataclasses.dataclass(frozen=True)
class Series:
    """A quantity of a system in a job, with the number of threads that was fastest."""

    threads: int
    values: dict[int, float]
    """By pair."""

    @property
    def median(self) -> float:
        return statistics.median(self.values.values())

    def over(self, other: "Series") -> list[float]:
        """Ratios, pair by pair."""
        pairs = self.values.keys() & other.values.keys()
        return [self.values[pair] / other.values[pair] for pair in sorted(pairs)]


def series(records: Records, job: str, system: str, quantity: str) -> Series | None:
    """The measurements with the number of threads that has the lower median, of those
    that were measured in every pair."""
    threads: dict[int, dict[int, float]] = {}
    for record in records.of(job=job, system=system):
        if quantity in record:
            of_pair = threads.setdefault(record["threads"], {})
            of_pair[record["pair"]] = record[quantity]
    pairs = max(map(len, threads.values()), default=0)
    found = [
        Series(count, values)
        for count, values in threads.items()
        if len(values) == pairs
    ]
    return min(found, key=lambda one: one.median, default=None)


def against(records: Records, job: str, system: str, quantity: str) -> list[float]:
    """How many times as much a peer takes, pair by pair."""
    ours = series(records, job, "perennial", quantity)
    peer = series(records, job, system, quantity)
    return peer.over(ours) if ours and peer else []


def targets(records: Records, floors: dict[tuple[str, str], float]) -> str:
    """Each target with the measured ratio; `floors` are ours over the floor."""

    def reached(target: jobs.Target, system: str) -> str:
        least = getattr(target, system)
        if least is None:
            return NOTHING
        ratios = against(records, target.job, system, target.quantity)
        if not ratios:
            return f"≥ {least:g}×: not measured"
        met = "met" if statistics.median(ratios) >= least else "**missed**"
        return f"≥ {least:g}×: {spread(ratios, '×')} {met}"

    def floor(target: jobs.Target) -> str:
        if target.floor is None:
            return NOTHING
        over = floors.get((target.job, target.quantity))
        if over is None:
            return f"≤ {target.floor:g}×: not measured"
        met = "met" if over <= target.floor else "**missed**"
        return f"≤ {target.floor:g}×: {number(over)}× {met}"

    rows = [
        [target.title, *(reached(target, name) for name in jobs.SYSTEMS), floor(target)]
        for target in jobs.TARGETS
    ]
    return table(["", *jobs.SYSTEMS.values(), "floor"], rows)


def measured(records: Records, table_of_jobs: list[jobs.Job]) -> str:
    """Every quantity of every job."""
    sections = []
    for quantity, title, unit in QUANTITIES:
        header = ["", "Perennial"]
        for name in jobs.SYSTEMS.values():
            header += [name] if unit is None else [name, "ratio"]
        rows = [row(records, job, quantity, unit) for job in table_of_jobs]
        kept = [cells for cells in rows if cells]
        if kept:
            sections.append(f"### {title}\n\n{table(header, kept)}")
    return "\n\n".join(sections)


def row(
    records: Records, job: jobs.Job, quantity: str, unit: float | None
) -> list[str] | None:
    """A job's line; threads in brackets."""
    ours = series(records, job.name, "perennial", quantity)
    if ours is None or (not job.peers and quantity != "ms_per_step"):
        return None
    if job.starts and quantity not in ("seconds", "peak_bytes"):
        return None
    cells = [job.title, said(ours, unit)]
    for system in jobs.SYSTEMS:
        peer = series(records, job.name, system, quantity)
        cells.append(said(peer, unit))
        if unit is not None:
            cells.append(spread(peer.over(ours), "×") if peer else NOTHING)
    return cells


def said(one: Series | None, unit: float | None) -> str:
    if one is None:
        return NOTHING
    if unit is None:
        return number(one.median)
    return f"{number(one.median / unit)} [{one.threads}]"
