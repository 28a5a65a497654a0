"""Permuted MNIST in PyTorch as an expert writes it by hand: no framework, no optimiser
object, gradients straight from autograd, one call for an update of all parameters.

What is timed: steps and what a task's end takes (Fisher information, memories), and
evaluation with the permuting of its images. The permuting of training images is not.
"""

import time
from collections.abc import Iterable

import driver
import mnist

try:
    import numpy as np
    import quadprog
    import torch
    from network import dense
    from torch import Tensor, foreach, nn
    from torch.nn.functional import cross_entropy
    from torch.nn.utils import parameters_to_vector
except ImportError as missing:
    raise driver.not_installed(missing) from None

Gradient = list[Tensor] | tuple[Tensor, ...]


class Finetune:
    """Nothing protects the past. What a strategy adds is one of the three methods."""

    def __init__(self, network: nn.Module, rate: float, batch: int) -> None:
        self.network = network
        self.parameters: list[Tensor] = list(network.parameters())
        self.rate = rate
        self.batch = batch

    def gradient(self, images: Tensor, labels: Tensor) -> Gradient:
        loss = cross_entropy(self.network(images), labels)
        return torch.autograd.grad(loss, self.parameters)

    def edit(self, gradient: Gradient) -> Gradient:
        """The direction that the weights move against."""
        return gradient

    def moved(self, plain: Gradient, direction: Gradient) -> None:
        """After a step."""

    def end_task(self, images: Tensor, labels: Tensor) -> None:
        """After a task; these were its rows."""

    def step(self, images: Tensor, labels: Tensor) -> None:
        plain = self.gradient(images, labels)
        direction = self.edit(plain)
        with torch.no_grad():
            foreach.add_(self.parameters, direction, alpha=-self.rate)
            self.moved(plain, direction)

    def batches(self, images: Tensor, labels: Tensor) -> Iterable[tuple[Tensor, ...]]:
        return zip(images.split(self.batch), labels.split(self.batch), strict=True)

    def copy(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self.parameters]

    def zeros(self) -> list[Tensor]:
        return [torch.zeros_like(parameter) for parameter in self.parameters]


class Ewc(Finetune):
    """λ/2 Σ F (θ − θ*)², an F and a θ* for each task; F of gradients of batches."""

    LAMBDA = 1.0

    def __init__(self, *settings) -> None:
        super().__init__(*settings)
        self.anchors: list[tuple[list[Tensor], list[Tensor]]] = []

    @torch.no_grad()
    def edit(self, gradient: Gradient) -> Gradient:
        for fisher, anchor in self.anchors:
            away = foreach.sub(self.parameters, anchor)
            foreach.addcmul_(gradient, fisher, away, value=self.LAMBDA)
        return gradient

    def end_task(self, images: Tensor, labels: Tensor) -> None:
        fisher, share = self.zeros(), self.batch / len(images)
        for part in self.batches(images, labels):
            gradient = self.gradient(*part)
            foreach.addcmul_(fisher, gradient, gradient, value=share)
        self.anchors.append((fisher, self.copy()))


class Si(Finetune):
    """c Σ Ω (θ − θ*)², Ω from how much each weight's moves lowered the loss."""

    C = 0.1
    XI = 0.1

    def __init__(self, *settings) -> None:
        super().__init__(*settings)
        self.path = self.zeros()
        self.importance = self.zeros()
        self.anchor = self.copy()
        self.guards = False

    @torch.no_grad()
    def edit(self, gradient: Gradient) -> Gradient:
        if not self.guards:
            return gradient
        away = foreach.sub(self.parameters, self.anchor)
        return foreach.addcmul(gradient, self.importance, away, value=2 * self.C)

    def moved(self, plain: Gradient, direction: Gradient) -> None:
        # −g Δθ, for Δθ is −rate times the direction.
        foreach.addcmul_(self.path, plain, direction, value=self.rate)

    @torch.no_grad()
    def end_task(self, images: Tensor, labels: Tensor) -> None:
        for parameter, path, importance, anchor in zip(
            self.parameters, self.path, self.importance, self.anchor, strict=True
        ):
            importance += path / ((parameter - anchor) ** 2 + self.XI)
            importance.clamp_(min=0)
            path.zero_()
            anchor.copy_(parameter)
        self.guards = True


class Memory(Finetune):
    """The last rows of each task, and gradients as one vector."""

    ROWS = 256  # of each task

    def __init__(self, *settings) -> None:
        super().__init__(*settings)
        self.memories: list[tuple[Tensor, Tensor]] = []

    def end_task(self, images: Tensor, labels: Tensor) -> None:
        rows = images[-self.ROWS :].clone(), labels[-self.ROWS :].clone()
        self.memories.append(rows)

    def split(self, vector: Tensor) -> Gradient:
        parts = vector.split([parameter.numel() for parameter in self.parameters])
        return [
            part.view_as(parameter)
            for part, parameter in zip(parts, self.parameters, strict=True)
        ]


class Agem(Memory):
    """Turns a gradient that would raise the loss on a draw of all memories."""

    DRAWN = 256

    def edit(self, gradient: Gradient) -> Gradient:
        if not self.memories:
            return gradient
        drawn = torch.randperm(len(self.images))[: self.DRAWN]
        past = self.gradient(self.images[drawn], self.labels[drawn])
        g, reference = parameters_to_vector(gradient), parameters_to_vector(past)
        along = g @ reference
        if along >= 0:
            return gradient
        return self.split(g - (along / (reference @ reference)) * reference)

    def end_task(self, images: Tensor, labels: Tensor) -> None:
        super().end_task(images, labels)
        self.images = torch.cat([images for images, _ in self.memories])
        self.labels = torch.cat([labels for _, labels in self.memories])


class Gem(Memory):
    """Turns a gradient until it raises the loss on no task's memory."""

    MARGIN = 0.5
    RIDGE = 1e-3  # keeps the quadratic program's matrix positive definite

    def edit(self, gradient: Gradient) -> Gradient:
        if not self.memories:
            return gradient
        past = [parameters_to_vector(self.gradient(*rows)) for rows in self.memories]
        g, gradients = parameters_to_vector(gradient), torch.stack(past)
        along = gradients @ g
        if (along >= 0).all():
            return gradient
        tasks = np.eye(len(past))
        gram = (gradients @ gradients.T).double().numpy() + self.RIDGE * tasks
        margins = np.full(len(past), self.MARGIN)
        # quadprog minimises ½ vᵀ A v − aᵀ v where Cᵀ v ≥ b.
        v = quadprog.solve_qp(gram, -along.double().numpy(), tasks, margins)[0]
        return self.split(g + torch.from_numpy(v).float() @ gradients)


STRATEGIES = {"finetune": Finetune, "ewc": Ewc, "gem": Gem, "si": Si, "agem": Agem}


def main() -> None:
    given = driver.options(__doc__, list(STRATEGIES)).parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)

    def read(part: str) -> Tensor:
        return torch.from_numpy(np.frombuffer(mnist.content(given.data, part), "u1"))

    def floats(images: Tensor) -> Tensor:
        return images.float().div_(mnist.WHITE)

    train = read("train_images").view(-1, mnist.PIXELS)
    test = floats(read("test_images").view(-1, mnist.PIXELS))
    train_labels, test_labels = read("train_labels").long(), read("test_labels").long()
    permutations = [torch.randperm(mnist.PIXELS) for _ in range(given.tasks)]
    network = dense(mnist.PIXELS, driver.hidden(given.network), mnist.CLASSES)
    loop = STRATEGIES[given.strategy](network, given.lr, given.batch)

    def evaluate() -> tuple[float, float]:
        """Mean accuracy over all tasks, and the seconds that it took."""
        begun, right = time.perf_counter(), 0
        with torch.inference_mode():
            for permutation in permutations:
                images = test.index_select(1, permutation)
                answers = network(images).argmax(1)
                right += int((answers == test_labels).sum())
        seconds = time.perf_counter() - begun
        return right / (len(test) * len(permutations)), seconds

    _, before = evaluate()
    train_seconds = 0.0
    for permutation in permutations:
        drawn = torch.randperm(len(train))[: given.samples]
        rows, answers = floats(train[drawn][:, permutation]), train_labels[drawn]
        begun = time.perf_counter()
        for part in loop.batches(rows, answers):
            loop.step(*part)
        loop.end_task(rows, answers)
        train_seconds += time.perf_counter() - begun
    acc, after = evaluate()
    steps = driver.steps(given.tasks, given.samples, given.batch)
    driver.tell(train_seconds, steps, (before + after) / 2, acc)


if __name__ == "__main__":
    main()
