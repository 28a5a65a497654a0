"""Permuted MNIST in Avalanche, as its documentation does it: the classic benchmark, a
strategy, `train` for each experience and `eval` over the test stream.

What is timed: `strategy.train` of every experience, and `strategy.eval`.
"""

import pathlib
import time
import warnings
from typing import Any

import driver
import mnist

warnings.filterwarnings("ignore")  # of packages, about their own future

try:
    import torch
    from avalanche.benchmarks.classic import PermutedMNIST
    from avalanche.evaluation.metrics import accuracy_metrics
    from avalanche.training import AGEM, EWC, GEM, Naive, SynapticIntelligence
    from avalanche.training.plugins import EvaluationPlugin
    from network import dense
    from torch import nn
except ImportError as missing:
    raise driver.not_installed(missing) from None

ROWS = 256  # kept of each task, and drawn for A-GEM's reference
STRATEGIES: dict[str, tuple[Any, dict[str, float]]] = {
    "naive": (Naive, {}),
    "ewc": (EWC, {"ewc_lambda": 0.5}),  # λ/2: its penalty is λ Σ F (θ − θ*)²
    "si": (SynapticIntelligence, {"si_lambda": 0.2, "eps": 0.1}),  # its c is λ/2
    "agem": (AGEM, {"patterns_per_exp": ROWS, "sample_size": ROWS}),
    "gem": (GEM, {"patterns_per_exp": ROWS, "memory_strength": 0.5}),
}
EVALUATION_BATCH = 1000


def main() -> None:
    parser = driver.options(__doc__, list(STRATEGIES))
    parser.add_argument(
        "--root",
        type=pathlib.Path,
        default=pathlib.Path(__file__).parents[1] / "out" / "torchvision",
        help="where MNIST is unpacked for torchvision",
    )
    given = parser.parse_args()
    mnist.unpack(given.data, given.root)
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)

    # Without its normalisation: pixels in 0 … 1, as the others have them.
    stream = PermutedMNIST(
        given.tasks,
        seed=0,
        train_transform=None,
        eval_transform=None,
        dataset_root=given.root,
    )
    layers = dense(mnist.PIXELS, driver.hidden(given.network), mnist.CLASSES)
    network = nn.Sequential(nn.Flatten(), *layers)
    kind, settings = STRATEGIES[given.strategy]
    strategy = kind(
        model=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=given.lr),
        criterion=nn.CrossEntropyLoss(),
        train_mb_size=given.batch,
        train_epochs=1,
        eval_mb_size=EVALUATION_BATCH,
        evaluator=EvaluationPlugin(accuracy_metrics(experience=True), loggers=[]),
        **settings,
    )

    def evaluate() -> tuple[float, float]:
        """Mean accuracy over all tasks, and the seconds that it took."""
        begun = time.perf_counter()
        results = strategy.eval(stream.test_stream)
        seconds = time.perf_counter() - begun
        of_tasks = [acc for name, acc in results.items() if "Top1_Acc_Exp" in name]
        return sum(of_tasks) / len(of_tasks), seconds

    _, before = evaluate()
    train_seconds = 0.0
    for experience in stream.train_stream:
        drawn = torch.randperm(mnist.TRAIN)[: given.samples].tolist()
        experience.dataset = experience.dataset.subset(drawn)
        begun = time.perf_counter()
        strategy.train(experience)
        train_seconds += time.perf_counter() - begun
    acc, after = evaluate()
    steps = driver.steps(given.tasks, given.samples, given.batch)
    driver.tell(train_seconds, steps, (before + after) / 2, acc)


if __name__ == "__main__":
    main()
