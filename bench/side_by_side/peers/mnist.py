"""MNIST as its four IDX files, and where they must lie for torchvision."""

import gzip
import pathlib

FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}
PIXELS, CLASSES, WHITE = 784, 10, 255
TRAIN, TEST = 60_000, 10_000
# A magic number and one size for each dimension, four bytes each.
IMAGES_HEADER, LABELS_HEADER = 16, 8


def folder(data: pathlib.Path) -> pathlib.Path:
    """The folder `mnist` in a folder of image sets, with all files in it."""
    mnist = data / "mnist"
    missing = [name for name in FILES.values() if not (mnist / name).is_file()]
    if missing:
        raise SystemExit(
            f"{mnist} lacks {', '.join(missing)}: `perennial data fetch mnist` "
            "downloads MNIST, and --data or PERENNIAL_DATA names the folder "
            "that `mnist` lies in"
        )
    return mnist


def content(data: pathlib.Path, part: str) -> bytearray:
    """A file's numbers, one byte each, without its header."""
    header = IMAGES_HEADER if part.endswith("images") else LABELS_HEADER
    path = folder(data) / FILES[part]
    return bytearray(gzip.decompress(path.read_bytes())[header:])


def unpack(data: pathlib.Path, root: pathlib.Path) -> None:
    """Writes the files into `root` as torchvision would have downloaded them."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in FILES.values():
        packed, unpacked = folder(data) / name, raw / name.removesuffix(".gz")
        if not unpacked.exists():
            part = unpacked.with_suffix(".part")
            part.write_bytes(gzip.decompress(packed.read_bytes()))
            part.rename(unpacked)
