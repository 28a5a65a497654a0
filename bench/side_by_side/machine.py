"""What this machine can do: matrix products and sums of vectors, in single precision,
by numpy and by PyTorch, whichever is faster. Prints one JSON line."""

import argparse
import json
import time
from collections.abc import Callable

try:
    import numpy as np
    import torch
except ImportError as missing:
    raise SystemExit(
        f"Python's package {missing.name} is missing: "
        "pip install -r bench/side_by_side/requirements.txt"
    ) from None

ROUNDS = 5
ROUND_SECONDS = 0.02  # long against the clock's error


def fastest(call: Callable[[], object]) -> float:
    """Seconds of a call in the best of some rounds."""
    often, best = 1, float("inf")
    for _ in range(ROUNDS):
        while True:
            begun = time.perf_counter()
            for _ in range(often):
                call()
            seconds = time.perf_counter() - begun
            if seconds >= ROUND_SECONDS:
                break
            often *= 2
        best = min(best, seconds / often)
    return best


def product(m: int, k: int, n: int) -> float:
    """Seconds of [m, k] times [k, n]."""
    a, b, c = (torch.rand(shape) for shape in ((m, k), (k, n), (m, n)))
    x, y, z = a.numpy(), b.numpy(), c.numpy()
    return min(
        fastest(lambda: torch.mm(a, b, out=c)),
        fastest(lambda: np.matmul(x, y, out=z)),
    )


def added(length: int) -> float:
    """Bytes a second of c = a + b: two vectors read, one written."""
    a, b, c = (torch.rand(length) for _ in range(3))
    x, y, z = a.numpy(), b.numpy(), c.numpy()
    seconds = min(
        fastest(lambda: torch.add(a, b, out=c)),
        fastest(lambda: np.add(x, y, out=z)),
    )
    return 3 * a.nbytes / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--square", type=int, required=True)
    parser.add_argument("--products", type=json.loads, required=True)
    parser.add_argument("--lengths", type=json.loads, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rates = {
        "square": given.square**3 / product(*[given.square] * 3),
        "products": [[size, product(*size)] for size in given.products],
        "bandwidth": [[length, added(length)] for length in given.lengths],
    }
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
