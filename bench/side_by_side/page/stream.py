"""Resident memory over a long stream."""

from page.markdown import MEGABYTE, number, table
from records import Records

FLAT = 0.05  # from the first mark to the last


def section(records: Records) -> str:
    """A line for each strategy."""
    rows = []
    first = last = 0
    for record in records.of(stream="long"):
        first, last = record["first"], record["tasks"]
        early, late = (record["resident"][str(mark)] for mark in (first, last))
        growth = late / early - 1
        rows.append(
            [
                record["strategy"],
                number(early / MEGABYTE),
                number(late / MEGABYTE),
                f"{growth:+.1%} {'flat' if abs(growth) <= FLAT else '**not flat**'}",
                number(record["peak_bytes"] / MEGABYTE),
                number(record["log_bytes"] / MEGABYTE),
                number(record["seconds"]),
            ]
        )
    header = [
        "",
        f"after task {first:,}, MB",
        f"after task {last:,}, MB",
        "change",
        "peak, MB",
        "log on disk, MB",
        "seconds",
    ]
    return table(header, rows) if rows else ""
