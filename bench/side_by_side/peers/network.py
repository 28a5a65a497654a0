"""The network that all of them train."""

import itertools

from torch import nn


def dense(inputs: int, hidden: list[int], outputs: int) -> nn.Sequential:
    """Rectified dense layers with Xavier's uniform start and biases of 0."""
    widths = [inputs, *hidden, outputs]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layer = nn.Linear(before, after)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
