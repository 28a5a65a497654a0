"""Numbers and tables as Markdown."""

import statistics
from collections.abc import Iterable, Sequence

NOTHING = "·"
MEGABYTE = 1e6


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first stand at the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return NOTHING
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 2 if abs(value) >= 1 else 3
    return f"{value:.3g}" if abs(value) >= 100 else f"{value:.{digits}f}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """`median unit (least–most)`."""
    if not values:
        return NOTHING
    median = number(statistics.median(values)) + unit
    if len(values) == 1:
        return median
    return f"{median} ({number(min(values))}–{number(max(values))})"


def megabytes(value: float) -> str:
    return number(value / MEGABYTE)
