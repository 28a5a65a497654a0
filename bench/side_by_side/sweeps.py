"""What grows, and how cost and memory should grow with it."""

import math

import floors
from ours import Cell

SWEEPS = {"tasks": "tasks", "parameters": "parameters", "batch": "rows of a batch"}
MEMORY = 1000  # samples in all
REPLAYS = ("--memory", str(MEMORY))
# Strategy → its flags. Over a thousand tasks the Fisher information adds up to where an
# explicit step of the penalty overshoots.
STRATEGIES: dict[str, tuple[str, ...]] = {
    "finetune": (),
    "online-ewc": ("--set", "online-ewc.step=implicit"),
    "agem": REPLAYS,
    "er": REPLAYS,
}
EVALUATED = 200  # test images a task
NETWORK = "mlp:100x100"
# Samples of a task: enough steps for a time, few enough for a thousand tasks.
SAMPLES = {"tasks": 500, "parameters": 200, "batch": 3000}
TASKS, BATCH = 2, 10  # where they do not grow
# Vectors of θ's length that are held: θ and its gradient; F, the next F and θ*; g_ref in
# four pieces.
HELD = {"finetune": 2, "online-ewc": 5, "agem": 6, "er": 2}


def places(sweep: str, quick: bool) -> list[int]:
    """Where the sweep measures."""
    match sweep:
        case "tasks":
            return [1, 3, 10] if quick else [1, 3, 10, 30, 100, 300, 1000]
        case "parameters":
            all_sizes = [10**4, 3 * 10**4, 10**5, 3 * 10**5, 10**6, 3 * 10**6, 10**7]
            return all_sizes[:3] if quick else all_sizes
        case _:
            return [3, 10, 30] if quick else [1, 3, 10, 30, 100, 300, 1000]


def cell(sweep: str, at: int, strategy: str) -> Cell:
    """What is trained there."""
    return Cell(
        strategy,
        tasks=at if sweep == "tasks" else TASKS,
        samples=SAMPLES[sweep],
        network=network(at) if sweep == "parameters" else NETWORK,
        batch=at if sweep == "batch" else BATCH,
        more=("--eval-samples", str(EVALUATED), *STRATEGIES[strategy]),
    )


def network(parameters: int) -> str:
    """Two hidden layers as wide as needed for about so many parameters."""
    # w² + (pixels + classes + 2) w + classes = parameters
    half = (floors.PIXELS + floors.CLASSES + 2) / 2
    width = round(math.sqrt(half**2 + parameters - floors.CLASSES) - half)
    return f"mlp:{width}x{width}"


def work(sweep: str, at: int, strategy: str) -> floors.Work:
    """What the mean step there must do."""
    there = cell(sweep, at, strategy)
    kept = min(there.samples, MEMORY // there.tasks)
    sizes = (there.network, there.batch, there.tasks, there.samples)
    return floors.step(strategy, *sizes, kept=kept)


def held_bytes(sweep: str, at: int, strategy: str) -> int:
    """Vectors of θ's length, and what the layers of a step read and write."""
    there = cell(sweep, at, strategy)
    rows = {"er": 2 * there.batch, "agem": max(there.batch, floors.GEM_ROWS)}
    activations = 2 * sum(floors.widths(there.network))
    vectors = HELD[strategy] * floors.parameters(there.network)
    return floors.FLOAT * (vectors + rows.get(strategy, there.batch) * activations)
