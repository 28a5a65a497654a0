"""The least a step can take: its multiply-adds at the machine's rate of matrix
products, and the vectors of θ's length that it must read or write at the machine's
bandwidth.

The README has the formulas.
"""

import collections
import dataclasses
import itertools

PIXELS, CLASSES = 784, 10
FLOAT = 4  # bytes
GEM_ROWS = 256  # rows of each task's memory, and of A-GEM's reference gradient
FISHER_ROWS = 1000  # at most, of a task
EVALUATED = 10_000  # test images a task
EVALUATION_ROWS = 500  # of a product in evaluation

# (rows, inner, columns) of a matrix product
Product = tuple[int, int, int]
# How often each product is made
Products = collections.Counter[Product]


@dataclasses.dataclass
class Work:
    """What must be done."""

    products: Products = dataclasses.field(default_factory=collections.Counter)
    vectors: float = 0.0
    """Vectors of θ's length that are read or written, besides by products."""
    other_bytes: float = 0.0

    @property
    def multiply_adds(self) -> float:
        return sum(m * k * n * often for (m, k, n), often in self.products.items())


def widths(network: str) -> list[int]:
    """Of all layers, from pixels to classes."""
    hidden = network.removeprefix("mlp:").split("x")
    return [PIXELS, *map(int, hidden), CLASSES]


def parameters(network: str) -> int:
    """The length of θ: weights and biases."""
    return sum(before * after + after for before, after in layers(network))


def layers(network: str) -> list[tuple[int, int]]:
    return list(itertools.pairwise(widths(network)))


def forward(network: str, rows: int) -> Products:
    return Products({(rows, before, after): 1 for before, after in layers(network)})


def backward(network: str, rows: int) -> Products:
    """Gradients by all weights, and by all inputs but the first layer's."""
    products: Products = collections.Counter()
    for number, (before, after) in enumerate(layers(network)):
        products[before, rows, after] += 1
        if number > 0:
            products[rows, after, before] += 1
    return products


def gradient(network: str, rows: int, often: float = 1.0) -> Products:
    return times(forward(network, rows) + backward(network, rows), often)


def times(products: Products, often: float) -> Products:
    return Products({product: often * n for product, n in products.items()})


def step(
    strategy: str,
    network: str,
    batch: int,
    tasks: int,
    samples: int,
    exact: bool = True,
    kept: int = GEM_ROWS,
) -> Work:
    """The mean step of a stream. `kept` samples of each task are in a memory; Fisher
    information is `exact`, over every class, or of batches' gradients."""
    # Read θ and its gradient, write θ.
    work = Work(gradient(network, batch), vectors=3)
    steps = samples / batch  # a task
    match strategy:
        case "ewc" | "online-ewc":
            work.vectors += 2  # F and θ*
            rows = min(samples, FISHER_ROWS)
            if exact:
                work.products += times(forward(network, rows), 1 / steps)
                work.products += times(backward(network, rows), CLASSES / steps)
            else:
                work.products += gradient(network, batch)
                work.vectors += 3  # read the gradient and F, write F
        case "si":
            work.vectors += 4  # the path integral, read and written; Ω and θ*
        case "agem":
            for task in range(1, tasks):
                rows = min(GEM_ROWS, task * kept)
                work.products += gradient(network, rows, 1 / tasks)
            # ⟨g, g_ref⟩ reads both; the projection reads g_ref.
            work.vectors += 3 * (tasks - 1) / tasks
        case "gem":
            past = (tasks - 1) / 2  # tasks before, in the mean
            if past:
                work.products += gradient(network, kept, past)
            work.vectors += 2 * past  # each gradient of the past, written and read
        case "er":
            work.products = gradient(network, 2 * batch)
    return work


def evaluation(network: str, tasks: int) -> Work:
    """All test images of all tasks, of which each pixel is a byte that is read."""
    chunks = tasks * EVALUATED / EVALUATION_ROWS
    products = times(forward(network, EVALUATION_ROWS), chunks)
    return Work(products, other_bytes=tasks * EVALUATED * PIXELS)


@dataclasses.dataclass(frozen=True)
class Rates:
    """What the machine does on some number of cores, at best."""

    square: float
    """Multiply-adds a second in a large product."""
    seconds: dict[Product, float]
    """What a product of a size takes."""
    bandwidth: dict[int, float]
    """Bytes a second of the sum of two vectors of a length into a third."""

    @property
    def memory(self) -> float:
        """Bytes a second where nothing fits a cache."""
        return self.bandwidth[max(self.bandwidth)]

    def arithmetic(self, work: Work) -> float:
        return work.multiply_adds / self.square

    def moving(self, work: Work, network: str) -> float:
        length = parameters(network)
        vectors = work.vectors * FLOAT * length / self.bandwidth[length]
        return vectors + work.other_bytes / self.memory

    def floor(self, work: Work, network: str) -> float:
        """Seconds."""
        return self.arithmetic(work) + self.moving(work, network)

    def products(self, work: Work) -> float:
        """Seconds of the work's own products, made by today's libraries one by one."""
        return sum(often * self.seconds[size] for size, often in work.products.items())
