"""From the start of Python to the end of a first training step, on noise of the size of
the digits that are built into Perennial (8 × 8 pixels): no data are read."""

import argparse
import os
import warnings

import driver

INPUTS, WIDTH, CLASSES, ROWS = 64, 100, 10, 10

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--system", choices=["pytorch", "avalanche"], required=True)
parser.add_argument("--threads", type=int, default=os.cpu_count())
given = parser.parse_args()

warnings.filterwarnings("ignore")  # of packages, about their own future

try:
    import torch
    from network import dense
    from torch import nn

    if given.system == "avalanche":
        from avalanche.benchmarks import tensors_benchmark
        from avalanche.evaluation.metrics import accuracy_metrics
        from avalanche.training import Naive
        from avalanche.training.plugins import EvaluationPlugin
except ImportError as missing:
    raise SystemExit(
        f"Python's package {missing.name} is missing: "
        "pip install -r bench/side_by_side/requirements.txt"
    ) from None


def main() -> None:
    torch.set_num_threads(given.threads)
    images, labels = torch.rand(ROWS, INPUTS), torch.arange(ROWS) % CLASSES
    network = dense(INPUTS, [WIDTH, WIDTH], CLASSES)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    if given.system == "pytorch":
        criterion(network(images), labels).backward()
        optimizer.step()
    else:
        rows = [(images, labels)]
        stream = tensors_benchmark(
            train_tensors=rows, test_tensors=rows, task_labels=[0]
        )
        strategy = Naive(
            model=network,
            optimizer=optimizer,
            criterion=criterion,
            train_mb_size=ROWS,
            evaluator=EvaluationPlugin(accuracy_metrics(epoch=True), loggers=[]),
        )
        strategy.train(stream.train_stream[0])
    print(f'{{"whole_seconds": {driver.seconds_since_start()}}}')


if __name__ == "__main__":
    main()
