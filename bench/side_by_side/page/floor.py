"""What the machine can do, and Perennial's time over it."""

import dataclasses
from collections.abc import Callable

import floors
import jobs
from page import comparison
from page.markdown import NOTHING, number, table
from records import Records

GIGA = 1e9
MILLION = 1e6
MILLI = 1e3


def rates(records: Records) -> dict[int, floors.Rates]:
    """The best that was measured with so many threads or fewer."""
    measured = records.of(job="machine")
    found = {}
    for threads in sorted({record["threads"] for record in measured}):
        up_to = [record for record in measured if record["threads"] <= threads]
        found[threads] = floors.Rates(
            square=max(record["square"] for record in up_to),
            seconds=best(up_to, "products", min),
            bandwidth=best(up_to, "bandwidth", max),
        )
    return found


def best(
    measured: list[dict], what: str, choose: Callable[[list[float]], float]
) -> dict:
    """The best value of each size."""
    values: dict = {}
    for record in measured:
        for size, value in record[what]:
            key = tuple(size) if isinstance(size, list) else size
            values.setdefault(key, []).append(value)
    return {key: choose(several) for key, several in values.items()}


@dataclasses.dataclass(frozen=True)
class Line:
    """A quantity of a job that has a floor."""

    job: jobs.Job
    quantity: str
    title: str
    seconds: float
    work: floors.Work


def lines(records: Records, table_of_jobs: list[jobs.Job]) -> list[Line]:
    """Steps of all jobs, and the evaluations of fine-tuning."""
    found = []
    for job in table_of_jobs:
        step = comparison.series(records, job.name, "perennial", "ms_per_step")
        if step is None or job.starts:
            continue
        seconds, title = step.median / MILLI, f"{job.title}: step"
        found.append(Line(job, "ms_per_step", title, seconds, job.step()))
        passed = comparison.series(records, job.name, "perennial", "eval_seconds")
        if passed and job.name.startswith("finetune"):
            title = f"evaluation of {job.cell.tasks} × {floors.EVALUATED:,} images"
            work = job.evaluation()
            found.append(Line(job, "eval_seconds", title, passed.median, work))
    return found


def over(
    records: Records, table_of_jobs: list[jobs.Job]
) -> dict[tuple[str, str], float]:
    """How many floors each quantity takes: of one core for a small job's step, of all
    cores for everything else."""
    machine = rates(records)
    ratios = {}
    for line in lines(records, table_of_jobs) if machine else ():
        alone = line.job.small and line.quantity == "ms_per_step"
        threads = min(machine) if alone else max(machine)
        floor = machine[threads].floor(line.work, line.job.cell.network)
        ratios[line.job.name, line.quantity] = line.seconds / floor
    return ratios


def section(records: Records, table_of_jobs: list[jobs.Job]) -> str:
    """The machine's rates, and every floor."""
    machine = rates(records)
    if not machine:
        return "Not measured: `run.py --only machine` does it."
    header = [
        "",
        "Perennial, ms",
        "multiply-adds, millions",
        "vectors",
        *(
            f"{what}, {cores(threads)}"
            for threads in machine
            for what in ("floor, ms", "× floor", "its own products, ms")
        ),
    ]
    rows = []
    for line in lines(records, table_of_jobs):
        cells = [
            line.title,
            number(line.seconds * MILLI),
            number(line.work.multiply_adds / MILLION),
            number(line.work.vectors) if line.work.vectors else NOTHING,
        ]
        for one in machine.values():
            floor = one.floor(line.work, line.job.cell.network)
            own = one.products(line.work)
            values = (floor * MILLI, line.seconds / floor, own * MILLI)
            cells += map(number, values)
        rows.append(cells)
    return f"{abilities(machine)}\n\n{table(header, rows)}"


def cores(threads: int) -> str:
    return "1 core" if threads == 1 else f"{threads} cores"


def abilities(machine: dict[int, floors.Rates]) -> str:
    """The rates as a table."""
    counts = [cores(threads) for threads in machine]
    all_rates = machine.values()
    rows = [
        [
            "a large product, billions of multiply-adds a second",
            *(number(one.square / GIGA) for one in all_rates),
        ]
    ]
    for length in sorted(next(iter(all_rates)).bandwidth):
        size = f"{length * floors.FLOAT / MILLION:.3g} MB"
        title = f"c = a + b of {length:,} floats ({size} each), GB/s"
        rows.append(
            [title, *(number(one.bandwidth[length] / GIGA) for one in all_rates)]
        )
    return table(["", *counts], rows)
