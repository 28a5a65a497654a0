"""Cost of a step and peak memory against tasks, parameters and batch; then the picture
bench/scaling.svg and bench/RESULTS.md. The same command goes on where it was
interrupted."""

import math
import os
import pathlib
from typing import TYPE_CHECKING

import ours
import results
import sweeps
from page import growth
from records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = (12, 7)


def main() -> None:
    parser = ours.options(__doc__)
    parser.add_argument("--only", choices=list(sweeps.SWEEPS), action="append")
    parser.add_argument(
        "--repeats", type=int, help="of each point [default: 3, or 1 with --quick]"
    )
    given = parser.parse_args()
    perennial = ours.Perennial.given(given)
    out = ours.out(given)
    records = Records(out / "scaling.jsonl", perennial.digest())
    results.write_sitting(out, perennial)
    for repeat in range(given.repeats or (1 if given.quick else 3)):
        for sweep in given.only or sweeps.SWEEPS:
            for at in sweeps.places(sweep, given.quick):
                for strategy in sweeps.STRATEGIES:
                    cell = sweeps.cell(sweep, at, strategy)
                    key = {"sweep": sweep, "at": at, "strategy": strategy}
                    key["repeat"] = repeat
                    records.once(key, perennial.measure, cell, given.threads)
    draw(records, (out if given.quick else results.HERE.parent) / "scaling.svg")
    print(results.write(out, given.quick, perennial.digest()))


def draw(records: Records, path: pathlib.Path) -> None:
    """One plot for each quantity of each sweep."""
    try:
        # A picture needs no display.
        os.environ.setdefault("MPLBACKEND", "svg")
        from matplotlib import pyplot
    except ImportError:
        print("no picture, for Python's package matplotlib is missing: pip install it")
        return
    pyplot.rcParams["svg.hashsalt"] = "scaling"  # the same numbers, the same file
    figure, axes = pyplot.subplots(
        len(growth.QUANTITIES),
        len(sweeps.SWEEPS),
        figsize=INCHES,
        layout="constrained",
        squeeze=False,
    )
    for row, (quantity, name, unit, expect) in zip(
        axes, growth.QUANTITIES, strict=True
    ):
        for plot, (sweep, title) in zip(row, sweeps.SWEEPS.items(), strict=True):
            for number, strategy in enumerate(sweeps.STRATEGIES):
                measured = growth.median(records, sweep, strategy, quantity)
                if measured:
                    expected = expect(sweep, strategy, measured)
                    lines(plot, f"C{number}", strategy, measured, expected, unit)
            plot.set(xscale="log", yscale="log", xlabel=title, ylabel=name)
            show_decades(plot)
    figure.legend(
        *axes[0][0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=len(sweeps.STRATEGIES),
        title="dashed: expected",
    )
    figure.savefig(path, metadata={"Date": None})
    print(f"wrote {path}")


def show_decades(plot: "Axes") -> None:
    """No ticks between powers of ten, and at least three powers, so that a flat line
    looks flat."""
    least, most = plot.get_ylim()
    middle = math.sqrt(least * most)
    plot.set_ylim(min(least, middle / 10**1.5), max(most, middle * 10**1.5))
    for axis in (plot.xaxis, plot.yaxis):
        axis.set_minor_formatter("")


def lines(
    plot: "Axes",
    colour: str,
    strategy: str,
    measured: growth.Points,
    expected: growth.Points,
    unit: float,
) -> None:
    """A strategy: what was measured, and dashed what was expected."""
    for points, style in ((measured, "o-"), (expected, "--")):
        x = [at for at, _ in points]
        y = [value / unit for _, value in points]
        label = strategy if points is measured else None
        plot.plot(x, y, style, color=colour, label=label, markersize=3)


if __name__ == "__main__":
    main()
