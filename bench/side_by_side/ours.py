"""Perennial as it is measured: `perennial compare`, one strategy, one seed, one job."""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

import process
from peers import mnist

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "target" / "release" / "perennial"
MILLISECONDS = 1e3
DIGEST = 16  # hexadecimal digits: enough to tell builds apart


@dataclasses.dataclass(frozen=True)
class Cell:
    """What is trained."""

    strategy: str
    tasks: int
    samples: int
    network: str = "mlp:100x100"
    batch: int = 10
    benchmark: str = "permuted-mnist"
    more: tuple[str, ...] = ()
    """Further flags, such as `--set`, `ewc.fisher=batch-mean`."""

    def flags(self, eval_every: int) -> list[str]:
        return [
            *("compare", self.benchmark, "--strategies", self.strategy),
            *("--tasks", str(self.tasks), "--samples-per-task", str(self.samples)),
            *("--network", self.network, "--batch", str(self.batch), "--lr", "0.1"),
            *("--eval-every", str(eval_every)),
            *("--seeds", "1", "--jobs", "1", "--json", *self.more),
        ]


@dataclasses.dataclass(frozen=True)
class Perennial:
    """A build of the program, and where it finds data."""

    path: pathlib.Path
    data: pathlib.Path

    def __post_init__(self) -> None:
        if not os.access(self.path, os.X_OK):
            raise SystemExit(
                f"{self.path} is no program: `cargo build --release` makes it, "
                "and --program names another"
            )
        mnist.folder(self.data)

    @classmethod
    def given(cls, options: argparse.Namespace) -> "Perennial":
        return cls(options.program.resolve(), options.data.resolve())

    def digest(self) -> str:
        """Tells this build from others."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:DIGEST]

    def version(self) -> str:
        asked = [str(self.path), "--version"]
        return subprocess.check_output(asked, text=True).strip()

    def command(
        self, cell: Cell, threads: int, folder: str, eval_every: int | None = None
    ) -> list[str]:
        """Measures before the first task and after the last, or more often."""
        given = ["--threads", str(threads), "--data", str(self.data), "--out", folder]
        return [str(self.path), *cell.flags(eval_every or cell.tasks), *given]

    def measure(self, cell: Cell, threads: int) -> dict:
        """A record of one run in a fresh folder."""
        with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
            command = [*self.command(cell, threads, folder), "--quiet"]
            finished = process.run(command, threads)
            result = read(pathlib.Path(folder), cell.strategy)
        passes = sum(any(acc is not None for acc in row) for row in result["accuracy"])
        return finished.cost() | {
            "ms_per_step": MILLISECONDS * result["train_seconds"] / result["steps"],
            # Before the first task and after the last: what one of them takes.
            "eval_seconds": result["eval_seconds"] / passes,
            "acc": result["acc"],
        }


def read(folder: pathlib.Path, strategy: str) -> dict:
    """The result of a run's only cell."""
    return json.loads((folder / "cells" / f"{strategy}-0" / "result.json").read_text())


def options(about: str | None) -> argparse.ArgumentParser:
    """The options that all measuring scripts have."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        default=os.environ.get("PERENNIAL_DATA", "."),
        help="the folder with `mnist` in it [default: PERENNIAL_DATA]",
    )
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        help="where measurements are kept; the same command goes on with them "
        "[default: out beside this script, or out/quick]",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count(),
        help="of Perennial [default: cores]",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few samples, once: whether the scripts work, and no measurement",
    )
    return parser


def out(given: argparse.Namespace) -> pathlib.Path:
    """The folder of the measurements."""
    usual = pathlib.Path(__file__).resolve().parent / "out"
    return given.out or (usual / "quick" if given.quick else usual)
