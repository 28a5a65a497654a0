"""Measurements in a file, one JSON document a line, so that a sitting can go on."""

import json
import pathlib
from collections.abc import Callable
from typing import Any


class Records:
    """Measurements of one program; those of another in the same file do not count."""

    def __init__(self, path: pathlib.Path, program: str) -> None:
        self.path = path
        self.program = program
        self.all: list[dict] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a line that was cut when it was written
            path.write_text(whole)
        for line in whole.splitlines():
            record = json.loads(line)
            if record["program"] == program:
                self.all.append(record)

    def of(self, **key) -> list[dict]:
        """The records that have these values, in the order they were made."""
        return [
            record
            for record in self.all
            if all(record.get(name) == value for name, value in key.items())
        ]

    def once(self, key: dict, measure: Callable[..., dict], *arguments: Any) -> None:
        """Measures and writes down what is not there yet."""
        if self.of(**key):
            return
        words = ", ".join(f"{name} {value}" for name, value in key.items())
        print(words, end=": ", flush=True)
        try:
            record = {"program": self.program} | key | measure(*arguments)
        except KeyboardInterrupt:
            raise SystemExit("interrupted: the same command goes on here") from None
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self.all.append(record)
        print(f"{record['seconds']:.2f} s", flush=True)
