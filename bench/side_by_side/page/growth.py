"""Cost and memory against tasks, parameters and batch."""

import math
import statistics
from collections.abc import Callable

import sweeps
from page.markdown import MEGABYTE, NOTHING, number, table
from records import Records

UPPER = 3  # points at the large end, where what is fixed matters least

Points = list[tuple[float, float]]


def median(records: Records, sweep: str, strategy: str, quantity: str) -> Points:
    """(where, median) of what was measured."""
    points: dict[int, list[float]] = {}
    for record in records.of(sweep=sweep, strategy=strategy):
        points.setdefault(record["at"], []).append(record[quantity])
    return [(at, statistics.median(points[at])) for at in sorted(points)]


def expected_cost(sweep: str, strategy: str, measured: Points) -> Points:
    """Multiply-adds a step, scaled to the last measured point."""
    work = [sweeps.work(sweep, int(at), strategy).multiply_adds for at, _ in measured]
    scale = measured[-1][1] / work[-1]
    return [(at, scale * count) for (at, _), count in zip(measured, work, strict=True)]


def expected_memory(sweep: str, strategy: str, measured: Points) -> Points:
    """The first measured point, and what vectors and activations add to it."""
    held = [sweeps.held_bytes(sweep, int(at), strategy) for at, _ in measured]
    fixed = measured[0][1] - held[0]
    return [(at, fixed + own) for (at, _), own in zip(measured, held, strict=True)]


QUANTITIES: list[tuple[str, str, float, Callable[[str, str, Points], Points]]] = [
    ("ms_per_step", "ms a step", 1.0, expected_cost),
    ("peak_bytes", "peak memory, MB", MEGABYTE, expected_memory),
]


def slope(points: Points) -> float | None:
    """Of the straight line through the points' logarithms, by least squares."""
    if len(points) < 2:
        return None
    x = [math.log(at) for at, _ in points]
    y = [math.log(value) for _, value in points]
    return statistics.linear_regression(x, y).slope


def section(records: Records) -> str:
    """A table of slopes, and one of all points, for each sweep."""
    parts = []
    for sweep, title in sweeps.SWEEPS.items():
        slopes, points = [], []
        places: list[float] = []
        for strategy in sweeps.STRATEGIES:
            for quantity, name, unit, expect in QUANTITIES:
                measured = median(records, sweep, strategy, quantity)
                if not measured:
                    continue
                expected = expect(sweep, strategy, measured)
                row = [f"{strategy}: {name}"]
                for part in (slice(None), slice(-UPPER, None)):
                    row += [slope_said(expected[part]), slope_said(measured[part])]
                slopes.append(row)
                places = places or [at for at, _ in measured]
                values = dict(measured)
                points.append(
                    [
                        f"{strategy}: {name}",
                        *(
                            number(values[at] / unit) if at in values else NOTHING
                            for at in places
                        ),
                    ]
                )
        if not slopes:
            continue
        header = ["slope", "expected", "measured"]
        header += [f"last {UPPER}: expected", f"last {UPPER}: measured"]
        where = [f"{int(at):,}" for at in places]
        parts.append(
            f"### Against {title}\n\n{table(header, slopes)}\n\n"
            f"{table([sweep, *where], points)}"
        )
    return "\n\n".join(parts)


def slope_said(points: Points) -> str:
    value = slope(points)
    return NOTHING if value is None else f"{value:+.2f}"
