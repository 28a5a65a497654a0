"""What is measured side by side, and what it must reach."""

import dataclasses

import floors
from ours import Cell

SYSTEMS = {"avalanche": "Avalanche", "pytorch": "PyTorch by hand"}

# The peers square gradients of batches; Perennial's default is the exact Fisher
# information of samples, which is more work.
BATCHES = ("--set", "ewc.fisher=batch-mean")


@dataclasses.dataclass(frozen=True)
class Job:
    """One stream for all three."""

    name: str
    title: str
    cell: Cell
    peers: dict[str, list[str]]
    """System → the driver in `peers` that does the same, and its options."""

    @property
    def starts(self) -> bool:
        """Whether it is the start of the program that counts."""
        return self.cell.benchmark != "permuted-mnist"

    @property
    def small(self) -> bool:
        """Whether its steps are of ten rows alone: too little to be shared by cores."""
        return self.cell.batch == 10 and self.cell.strategy not in ("agem", "gem")

    def step(self) -> floors.Work:
        """What its mean step must do."""
        cell = self.cell
        exact = cell.more != BATCHES
        sizes = (cell.network, cell.batch, cell.tasks, cell.samples)
        return floors.step(cell.strategy, *sizes, exact=exact)

    def evaluation(self) -> floors.Work:
        """What one evaluation must do."""
        return floors.evaluation(self.cell.network, self.cell.tasks)


@dataclasses.dataclass(frozen=True)
class Target:
    """What a quantity of a job must reach: how much larger it is in a peer, at least,
    and how much larger it is than its floor, at most."""

    title: str
    job: str
    quantity: str
    avalanche: float | None = None
    pytorch: float | None = None
    floor: float | None = None


TARGETS = [
    Target("finetune step", "finetune-10", "ms_per_step", 20, 3, 2.5),
    Target("EWC step, 10 tasks", "ewc-10", "ms_per_step", 40, 6),
    Target("SI step", "si-10", "ms_per_step", 25),
    Target("A-GEM step", "agem-10", "ms_per_step", 15),
    Target("GEM step, 20 tasks", "gem-20", "ms_per_step", 8, 5, 2),
    Target("evaluation of 10 × 10,000 images", "finetune-10", "eval_seconds", 40, 3, 2),
    Target("mlp:1000x1000, batch 256, step", "wide", "ms_per_step", None, 1.6, 1.5),
    Target("start of the program to first step (digits)", "start", "seconds", 20),
]


def jobs(quick: bool) -> list[Job]:
    """The table of jobs, or the same in small."""
    # Long enough at ten tasks that what the first steps find cold does not count.
    sizes = [(2, 100), (3, 100)] if quick else [(10, 2000), (20, 500)]
    strategies = [
        ("finetune", "finetune", "naive", ()),
        ("ewc", "EWC", "ewc", BATCHES),
        ("si", "SI", "si", ()),
        ("agem", "A-GEM", "agem", ()),
        ("gem", "GEM", "gem", ()),
    ]
    table = []
    for (tasks, samples), nominal in zip(sizes, (10, 20), strict=True):
        for strategy, title, in_avalanche, more in strategies:
            cell = Cell(strategy, tasks, samples, more=more)
            peers = both(cell, in_avalanche)
            name = f"{strategy}-{nominal}"
            table.append(Job(name, f"{title}, {tasks} tasks", cell, peers))
    # 100 steps a task.
    rows, wide = (2_560, "mlp:200x200") if quick else (25_600, "mlp:1000x1000")
    cell = Cell("finetune", 2, rows, wide, batch=256)
    title = f"finetune, {wide}, batch 256, 2 tasks"
    table.append(Job("wide", title, cell, both(cell, "naive")))
    tasks, samples = sizes[0]
    title = f"EWC, {tasks} tasks, exact Fisher information"
    table.append(Job("ewc-exact-10", title, Cell("ewc", tasks, samples), {}))
    # One step: the digits are in the program, so that nothing but it is read.
    limit = ("--eval-samples", "10")
    digits = Cell("finetune", 1, 10, benchmark="permuted-digits", more=limit)
    first = {system: ["first_step.py", "--system", system] for system in SYSTEMS}
    table.append(Job("start", "start to first step, digits", digits, first))
    return table


def both(cell: Cell, in_avalanche: str) -> dict[str, list[str]]:
    """The cell in both peers."""
    stream = [
        *("--tasks", str(cell.tasks), "--samples", str(cell.samples)),
        *("--network", cell.network, "--batch", str(cell.batch)),
    ]
    return {
        "avalanche": ["avalanche_loop.py", "--strategy", in_avalanche, *stream],
        "pytorch": ["torch_loop.py", "--strategy", cell.strategy, *stream],
    }
